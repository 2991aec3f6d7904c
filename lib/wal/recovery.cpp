#include "segment_reader.hpp"

#include <vecstore/wal/reader.hpp>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>
#include <utility>

namespace vecstore::wal {
namespace {

using detail::segment_reader;

/// How far the log is right.
struct position {
    std::uint64_t last_lsn = 0;
    std::uint64_t term = 0;
    std::uint32_t chain = 0;
    std::uint64_t offset = segment_header_bytes;
};

/// What a pass over one segment found.
struct segment_scan {
    position read;   ///< behind the last right record
    position whole;  ///< behind the last record that ends a batch
};

result<segment_scan> scan_segment(segment_reader& reader, std::uint64_t term_before) {
    segment_scan scan;
    scan.read = {reader.next_lsn() - 1, term_before, reader.chain(), reader.offset()};
    scan.whole = scan.read;
    for (;;) {
        VECSTORE_TRY(const auto found, reader.next());
        if (!found) return scan;
        scan.read = {found->lsn, found->term, found->chain, reader.offset()};
        if (!found->batch_continues()) scan.whole = scan.read;
    }
}

/// What follows the last right record of the last segment.
struct rest_scan {
    std::uint64_t end = 0;           ///< behind the last byte that is not zero; at least where the rest begins
    std::uint64_t durable_upto = 0;  ///< the largest of any later record with a right header
};

result<rest_scan> scan_rest(segment_reader& reader, std::uint64_t from) {
    rest_scan rest;
    rest.end = from;
    const auto salt = reader.header()->salt;
    for (auto at = from;;) {
        VECSTORE_TRY(const auto bytes, reader.bytes_at(at, detail::window_bytes));
        for (std::size_t i = bytes.size(); i > 0; --i) {
            if (bytes[i - 1] == std::byte{0}) continue;
            rest.end = at + i;
            break;
        }
        if (rest.end > at) {
            for (std::size_t i = 0; i + record_header_bytes <= bytes.size(); i += 8)
                if (const auto header = decode_header(bytes.subspan(i), salt))
                    rest.durable_upto = std::max(rest.durable_upto, header->value.durable_upto);
        }
        if (bytes.size() < detail::window_bytes) return rest;
        at += detail::window_bytes -
              64;  // a header that crosses the window's end is seen by the next; 64 keeps 8-alignment
    }
}

/// Lsn and number in the name of a kept tail, "torn-<lsn>-<n>.bin".
std::optional<std::pair<std::uint64_t, std::uint64_t>> torn_number(std::string_view name) noexcept {
    constexpr std::string_view prefix = "torn-", suffix = ".bin";
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
    const auto* at = name.data() + prefix.size();
    const auto* const end = name.data() + name.size() - suffix.size();
    std::pair<std::uint64_t, std::uint64_t> number;
    const auto lsn = std::from_chars(at, end, number.first);
    if (lsn.ec != std::errc{} || lsn.ptr == end || *lsn.ptr != '-') return std::nullopt;
    const auto count = std::from_chars(lsn.ptr + 1, end, number.second);
    if (count.ec != std::errc{} || count.ptr != end) return std::nullopt;
    return number;
}

class recovery {
public:
    recovery(storage::file_system& files, const std::string& directory, const recover_options& options)
        : files_(files), directory_(directory), options_(options) {
        known_durable_ = std::max(options.known_durable_lsn, options.checkpoint_lsn);
    }

    result<log_scan> run(const record_visitor& visit) {
        if (auto present = find_segments(); !present) {
            if (!options_.salvage || present.error().code != errc::corruption) return std::move(present).error();
            scan_.damage = std::move(present).error();
            scan_.end.last_lsn = options_.checkpoint_lsn;
            return scan_;
        }
        if (segments_.empty()) return scan_;
        scan_.first_lsn = segments_.front().first_lsn;
        if (auto scanned = scan_segments(); !scanned) {
            if (!options_.salvage || scanned.error().code != errc::corruption) return std::move(scanned).error();
            scan_.damage = std::move(scanned).error();
            // Nothing was right behind the checkpoint.
            if (scan_.end.last_lsn < options_.checkpoint_lsn) scan_.end.last_lsn = options_.checkpoint_lsn;
        }
        if (!options_.read_only) VECSTORE_CHECK(make_durable());
        VECSTORE_CHECK(replay(visit));
        return scan_;
    }

private:
    [[nodiscard]] std::string path_of(const segment_name& name) const {
        return storage::join_path(directory_, to_string(name));
    }

    result<void> find_segments() {
        VECSTORE_TRY(segments_, list_segments(files_, directory_));
        VECSTORE_CHECK(drop_unborn_segment());
        return segments_.empty() ? accept_absent_log() : result<void>{};
    }

    result<void> accept_absent_log() {
        if (known_durable_ > 0 && !options_.log_may_be_absent)
            return corruption("the log is missing: records up to lsn " + std::to_string(known_durable_) + " are known",
                              directory_, 0);
        scan_.end.last_lsn = options_.checkpoint_lsn;
        scan_.end.term = options_.checkpoint_term;
        scan_.end.chain = options_.checkpoint_chain;
        scan_.first_lsn = scan_.end.last_lsn + 1;
        return {};
    }

    /// A crash between making a segment and syncing its header leaves a file without one and without records.
    result<void> drop_unborn_segment() {
        if (segments_.empty()) return {};
        const auto name = segments_.back();
        VECSTORE_TRY(auto reader, segment_reader::open(files_, directory_, name));
        if (reader.header()) return {};
        const auto damaged = corruption("log segment: both headers are damaged", reader.path(), 0);
        if (known_durable_ >= name.first_lsn) return damaged;
        for (std::uint64_t at = segment_header_bytes;; at += detail::window_bytes) {
            VECSTORE_TRY(const auto bytes, reader.bytes_at(at, detail::window_bytes));
            if (std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return b != std::byte{0}; })) return damaged;
            if (bytes.size() < detail::window_bytes) break;
        }
        segments_.pop_back();
        // The segment before it was synced first, so that all below must be there.
        known_durable_ = std::max(known_durable_, name.first_lsn - 1);
        if (segments_.empty() && name.first_lsn != options_.checkpoint_lsn + 1) return damaged;
        if (options_.read_only) return {};
        VECSTORE_TRY(const auto header_image, reader.bytes_at(0, segment_header_bytes));
        if (std::any_of(header_image.begin(), header_image.end(), [](std::byte b) { return b != std::byte{0}; }))
            VECSTORE_CHECK(keep_bytes(name.first_lsn, byte_vector(header_image.begin(), header_image.end())));
        VECSTORE_CHECK(files_.remove(path_of(name)));
        if (segments_.empty()) options_.log_may_be_absent = true;  // it was just about to begin
        return files_.sync_directory(directory_);
    }

    result<void> scan_segments() {
        auto first = segments_.size();
        while (first > 0 && segments_[first - 1].first_lsn > options_.checkpoint_lsn + 1) --first;
        if (first == 0)
            return corruption("the log begins after the checkpoint: records from lsn " +
                                  std::to_string(options_.checkpoint_lsn + 1) + " are missing",
                              path_of(segments_.front()), 0);
        auto term = options_.checkpoint_term;
        for (auto i = first - 1; i < segments_.size(); ++i) {
            VECSTORE_TRY(auto reader, segment_reader::open(files_, directory_, segments_[i]));
            if (!reader.header()) return corruption("log segment: both headers are damaged", reader.path(), 0);
            if (i + 1 > first && reader.chain() != scan_.end.chain)
                return corruption("log segment does not continue the one before", reader.path(), 0);
            if (term == 0) term = reader.header()->first_term;
            VECSTORE_TRY(const auto scan, scan_segment(reader, term));
            const bool last = i + 1 == segments_.size();
            const bool whole = last || (scan.read.last_lsn + 1 == segments_[i + 1].first_lsn &&
                                        scan.whole.last_lsn == scan.read.last_lsn);
            scan_.end = {scan.whole.last_lsn, scan.whole.term,  scan.whole.chain, true,
                         *reader.header(),    scan.whole.offset};
            if (!whole) return bad_record(reader, scan);
            term = scan.whole.term;
            if (last) VECSTORE_CHECK(judge_tail(reader, scan));
        }
        return {};
    }

    static error bad_record(const segment_reader& reader, const segment_scan& scan) {
        return corruption("log record is damaged: lsn " + std::to_string(scan.read.last_lsn + 1), reader.path(),
                          scan.read.offset);
    }

    /// Decides whether what follows the last whole batch is a torn write or damage, and cuts it off in the first case.
    result<void> judge_tail(segment_reader& reader, const segment_scan& scan) {
        const auto first_lost = scan.whole.last_lsn + 1;
        if (first_lost <= known_durable_) return bad_record(reader, scan);
        VECSTORE_TRY(const auto rest, scan_rest(reader, scan.whole.offset));
        if (rest.durable_upto >= first_lost) return bad_record(reader, scan);
        scan_.torn_bytes = rest.end - scan.whole.offset;
        if (scan_.torn_bytes == 0 || options_.read_only) return {};

        VECSTORE_TRY(const auto file, files_.open(reader.path(), storage::open_mode::read_write));
        byte_vector torn(static_cast<std::size_t>(scan_.torn_bytes));
        VECSTORE_TRY(const auto got, file->read_at(scan.whole.offset, torn));
        torn.resize(got);
        VECSTORE_CHECK(keep_bytes(first_lost, torn));
        VECSTORE_CHECK(file->truncate(scan.whole.offset));
        return file->sync();
    }

    result<void> keep_bytes(std::uint64_t lsn, const byte_vector& torn) {
        const auto directory = options_.diverged_directory.empty()
                                   ? storage::join_path(storage::parent_directory(directory_), "diverged")
                                   : options_.diverged_directory;
        VECSTORE_CHECK(files_.create_directories(directory));
        VECSTORE_CHECK(make_room(directory));
        for (unsigned n = 0;; ++n) {
            scan_.torn_path =
                storage::join_path(directory, "torn-" + std::to_string(lsn) + "-" + std::to_string(n) + ".bin");
            if (!files_.exists(scan_.torn_path)) return storage::write_file(files_, scan_.torn_path, torn);
        }
    }

    /// Removes the copies with the smallest lsns, until one more may come.
    result<void> make_room(const std::string& directory) {
        std::vector<std::pair<std::pair<std::uint64_t, std::uint64_t>, std::string>> copies;
        VECSTORE_TRY(const auto names, files_.list(directory));
        for (const auto& name : names)
            if (const auto number = torn_number(name)) copies.emplace_back(*number, name);
        std::sort(copies.begin(), copies.end());
        for (std::size_t i = 0; i + torn_copies_max <= copies.size(); ++i)
            VECSTORE_CHECK(files_.remove(storage::join_path(directory, copies[i].second)));
        return {};
    }

    /// After a killed process the tail may be in the page cache alone: it must not be shown before it is on disk.
    result<void> make_durable() {
        VECSTORE_TRY(const auto file, files_.open(path_of(segments_.back()), storage::open_mode::read_write));
        // One right copy of the header is enough to read, but a writer needs the whole 4 KiB to stand there.
        const auto header = encode_segment_header(scan_.end.segment);
        byte_vector present(segment_header_bytes);
        VECSTORE_TRY(const auto count, file->read_at(0, present));
        if (count < present.size() || present != header) VECSTORE_CHECK(file->write_at(0, header));
        VECSTORE_CHECK(file->sync());
        return files_.sync_directory(directory_);
    }

    result<void> replay(const record_visitor& visit) {
        if (scan_.end.last_lsn <= options_.checkpoint_lsn) return {};
        VECSTORE_TRY(auto records, cursor::open(files_, directory_, options_.checkpoint_lsn + 1));
        for (;;) {
            VECSTORE_TRY(const auto found, records.next(scan_.end.last_lsn));
            if (!found) return {};
            VECSTORE_CHECK(visit(*found));
            ++scan_.visited;
        }
    }

    storage::file_system& files_;
    const std::string& directory_;
    recover_options options_;
    std::uint64_t known_durable_ = 0;
    std::vector<segment_name> segments_;
    log_scan scan_;
};

}  // namespace

result<log_scan> recover(storage::file_system& files, const std::string& directory, const recover_options& options,
                         const record_visitor& visit) {
    return recovery(files, directory, options).run(visit);
}

}  // namespace vecstore::wal
