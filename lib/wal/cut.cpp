// Taking the end off a log that another leader's log differs from; syncs beside appends; positions of records.
#include "position_index.hpp"
#include "segment_reader.hpp"

#include <vecstore/core/random.hpp>
#include <vecstore/wal/reader.hpp>
#include <vecstore/wal/writer.hpp>

#include <utility>

namespace vecstore::wal {
namespace {

constexpr std::size_t copy_bytes = 1u << 20;

std::string hexadecimal(std::uint32_t value) {
    std::string text;
    for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[value >> shift & 15];
    return text;
}

/// Writes a segment record by record.
class segment_copy {
public:
    segment_copy(storage::file_system& files, std::string path) : files_(files), path_(std::move(path)) {}

    result<void> begin(const segment_header& header) {
        end_ = {header.first_lsn - 1, header.first_term, header.prev_chain, true, header, segment_header_bytes};
        VECSTORE_TRY(file_, files_.open(path_, storage::open_mode::create));
        VECSTORE_CHECK(file_->truncate(0));
        return file_->write_at(0, encode_segment_header(header));
    }
    result<void> add(const record& each) {
        end_.last_lsn = each.lsn;
        end_.term = each.term;
        end_.chain = encode_record(each, end_.segment.salt, buffer_);
        return buffer_.size() < copy_bytes ? result<void>{} : flush();
    }
    /// Syncs it and gives it its name.
    result<log_end> finish(const std::string& as) {
        VECSTORE_CHECK(flush());
        VECSTORE_CHECK(file_->sync());
        file_.reset();
        VECSTORE_CHECK(files_.rename(path_, as));
        VECSTORE_CHECK(files_.sync_directory(storage::parent_directory(as)));
        return end_;
    }
    result<log_end> finish() {
        VECSTORE_CHECK(flush());
        VECSTORE_CHECK(file_->sync());
        return end_;
    }

private:
    result<void> flush() {
        VECSTORE_CHECK(file_->write_at(end_.offset, buffer_));
        end_.offset += buffer_.size();
        buffer_.clear();
        return {};
    }

    storage::file_system& files_;
    std::string path_;
    std::unique_ptr<storage::file> file_;
    log_end end_;
    byte_vector buffer_;
};

}  // namespace

/// The records behind `lsn`, as a segment of their own. Its name says what is in it, so that it need not be written twice.
result<void> writer::keep_tail(std::uint64_t lsn) {
    const auto directory = storage::join_path(storage::parent_directory(directory_), "diverged");
    const auto path =
        storage::join_path(directory, "cut-" + std::to_string(lsn + 1) + "-" + std::to_string(end_.last_lsn) + "-" +
                                          hexadecimal(end_.chain) + ".wal");
    if (files_->exists(path)) return {};
    VECSTORE_CHECK(files_->create_directories(directory));
    segment_copy copy(*files_, path + ".tmp");
    VECSTORE_TRY(auto records, cursor::open(*files_, directory_, lsn + 1));
    for (bool first = true;; first = false) {
        VECSTORE_TRY(const auto found, records.next(end_.last_lsn));
        if (!found) break;
        if (first) {
            auto header = end_.segment;
            header.first_lsn = lsn + 1;
            header.first_term = found->term;
            header.prev_chain = found->prev_chain;
            VECSTORE_CHECK(copy.begin(header));
        }
        VECSTORE_CHECK(copy.add(*found));
    }
    VECSTORE_CHECK(copy.finish(path));
    return {};
}

/// The records up to `lsn` of a segment in a file of their own; where they end there.
result<log_end> writer::write_front(std::size_t segment, std::uint64_t lsn, const std::string& path) {
    VECSTORE_TRY(auto reader, detail::segment_reader::open(*files_, directory_, segments_[segment].name));
    if (!reader.header()) return corruption("log segment: both headers are damaged", reader.path(), 0);
    auto header = *reader.header();
    // Nothing that lies where this file will grow can be taken for its records.
    header.salt = mix64(header.salt ^ mix64(options_.salt_seed + cuts_));
    segment_copy copy(*files_, path);
    VECSTORE_CHECK(copy.begin(header));
    while (reader.next_lsn() <= lsn) {
        VECSTORE_TRY(const auto found, reader.next());
        if (!found)
            return corruption("log record is damaged: lsn " + std::to_string(reader.next_lsn()), reader.path(),
                              reader.offset());
        VECSTORE_CHECK(copy.add(*found));
    }
    return copy.finish();
}

result<void> writer::cut(std::uint64_t lsn) {
    if (poisoned_) return refusal();
    if (lsn == end_.last_lsn) return sync();
    if (lsn > end_.last_lsn || lsn + 1 < first_lsn())
        return invalid_argument("lsn " + std::to_string(lsn) + " is not in the log");
    VECSTORE_CHECK(keep_tail(lsn));
    ++cuts_;  // no sync that has begun counts any more
    auto last = segments_.size() - 1;
    while (last > 0 && segments_[last].name.first_lsn > lsn) --last;
    const auto path = path_of(segments_[last].name);
    const auto fresh = path + ".cut";
    VECSTORE_TRY(auto end, write_front(last, lsn, fresh));
    if (end.last_lsn < segments_[last].name.first_lsn) {  // it says nothing of the record before
        const auto before = positions_ ? positions_->find(lsn) : std::nullopt;
        end.term = before ? before->term : 0;
    }
    // From the last backwards, so that what is left is a log at each step.
    for (auto i = segments_.size() - 1; i > last; --i) {
        auto removed = files_->remove(path_of(segments_[i].name));
        if (removed) removed = files_->sync_directory(directory_);
        if (!removed) return poison(std::move(removed).error());
    }
    auto outcome = files_->rename(fresh, path);
    if (outcome) outcome = files_->sync_directory(directory_);
    if (!outcome) return poison(std::move(outcome).error());
    auto opened = files_->open(path, storage::open_mode::read_write);
    if (!opened) return poison(std::move(opened).error());
    file_ = *std::move(opened);
    segments_.resize(last + 1);
    segments_.back().bytes = end.offset;
    end_ = end;
    allocated_ = end.offset;
    durable_lsn_ = lsn;
    if (positions_) positions_->cut(lsn);
    return {};
}

sync_point writer::begin_sync() const {
    if (poisoned_ || durable_lsn_ == end_.last_lsn) return {nullptr, durable_lsn_, cuts_};
    return {file_, end_.last_lsn, cuts_};
}

result<void> writer::end_sync(const sync_point& point, result<void> outcome) {
    if (poisoned_) return refusal();
    if (!outcome) return poison(std::move(outcome).error());
    if (point.cuts == cuts_) durable_lsn_ = std::max(durable_lsn_, point.lsn);
    return {};
}

result<void> writer::keep_positions(std::uint64_t before_lsn, const record_position& before) {
    const auto first = first_lsn();
    std::optional<record_position> known;
    if (first == 1) known = record_position{};
    if (first > end_.last_lsn) known = record_position{end_.term, end_.chain};
    if (before_lsn + 1 == first) known = before;
    auto made = std::make_unique<detail::position_index>(first, known);
    if (first <= end_.last_lsn) {
        VECSTORE_TRY(auto records, cursor::open(*files_, directory_, first));
        for (;;) {
            VECSTORE_TRY(const auto found, records.next(end_.last_lsn));
            if (!found) break;
            made->push({found->term, found->chain});
        }
    }
    positions_ = std::move(made);
    return {};
}

std::optional<record_position> writer::position_at(std::uint64_t lsn) const { return positions_->find(lsn); }

std::uint64_t writer::first_position_lsn() const noexcept {
    return positions_->first_lsn() + (positions_->knows_before() ? 0 : 1);
}

}  // namespace vecstore::wal
