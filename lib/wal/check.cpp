#include "segment_reader.hpp"

#include <vecstore/wal/check.hpp>

#include <algorithm>
#include <optional>

namespace vecstore::wal {
namespace {

class log_checker {
public:
    log_checker(storage::file_system& files, const std::string& directory, const recover_options& options,
                const std::function<bool()>& keep_going)
        : files_(files), directory_(directory), options_(options), keep_going_(keep_going) {
        options_.read_only = true;
        options_.salvage = true;
    }

    result<log_check> run(const record_visitor& visit) {
        auto listed = list_segments(files_, directory_);
        if (!listed) {
            if (listed.error().code != errc::corruption) return std::move(listed).error();
            checked_.damages.push_back({std::move(listed).error(), true, 0});
            return checked_;
        }
        segments_ = *std::move(listed);
        for (std::size_t i = 0; i < segments_.size(); ++i) VECSTORE_CHECK(check_segment(i));
        VECSTORE_CHECK(judge(visit));
        return checked_;
    }

private:
    /// True when all records of the segment are in the checkpoint.
    [[nodiscard]] bool superseded(std::size_t i) const {
        return i + 1 < segments_.size() && segments_[i + 1].first_lsn <= options_.checkpoint_lsn + 1;
    }
    void note(error what, std::size_t i, std::uint64_t lsn) {
        if (superseded(i)) checked_.damages.push_back({std::move(what), false, lsn});
        // What is needed, `judge` finds: it knows a torn tail from damage.
    }
    result<void> check_segment(std::size_t i) {
        ++checked_.segments;
        auto opened = detail::segment_reader::open(files_, directory_, segments_[i]);
        if (!opened) {
            if (opened.error().code != errc::corruption && opened.error().code != errc::unsupported)
                return std::move(opened).error();
            note(std::move(opened).error(), i, segments_[i].first_lsn);
            return {};
        }
        VECSTORE_TRY(const auto bytes, opened->size());
        checked_.bytes += bytes;
        VECSTORE_CHECK(check_header_copies(*opened, i));
        if (!opened->header()) return {};
        for (std::uint64_t count = 0;; ++count) {
            constexpr std::uint64_t records_between_calls = 1024;
            if (count % records_between_calls == 0 && keep_going_ && !keep_going_())
                return error{errc::cancelled, "checking was cancelled"};
            VECSTORE_TRY(const auto found, opened->next());
            if (!found) break;
            ++checked_.records;
        }
        if (superseded(i) && opened->next_lsn() != segments_[i + 1].first_lsn)
            note(corruption("log record is damaged: lsn " + std::to_string(opened->next_lsn()), opened->path(),
                            opened->offset()),
                 i, opened->next_lsn());
        return {};
    }
    /// One right copy is enough to read; the next opening for writing mends the other.
    result<void> check_header_copies(detail::segment_reader& reader, std::size_t i) {
        VECSTORE_TRY(const auto image, reader.bytes_at(0, segment_header_bytes));
        if (!reader.header()) {
            note(corruption("log segment: both headers are damaged", reader.path(), 0), i, segments_[i].first_lsn);
            return {};
        }
        const auto right = encode_segment_header(*reader.header());
        const auto [found, wanted] = std::mismatch(image.begin(), image.end(), right.begin(), right.end());
        if (wanted != right.end())
            checked_.damages.push_back({corruption("log segment: a copy of the header is damaged", reader.path(),
                                                   static_cast<std::uint64_t>(wanted - right.begin())),
                                        false, 0});
        return {};
    }
    result<void> judge(const record_visitor& visit) {
        std::optional<log_damage> refused;
        VECSTORE_TRY(const auto scan, recover(files_, directory_, options_, [&](const record& each) -> result<void> {
                         if (refused || !visit) return {};
                         if (auto visited = visit(each); !visited) {
                             if (visited.error().code == errc::cancelled) return visited;
                             refused = log_damage{std::move(visited).error(), true, each.lsn};
                         } else {
                             checked_.last_lsn = each.lsn;
                         }
                         return {};
                     }));
        if (!refused) checked_.last_lsn = std::max(scan.end.last_lsn, options_.checkpoint_lsn);
        checked_.end = scan.end;
        checked_.torn_bytes = scan.torn_bytes;
        if (refused) checked_.damages.push_back(*std::move(refused));
        if (scan.damage) checked_.damages.push_back({*scan.damage, true, scan.end.last_lsn + 1});
        return {};
    }

    storage::file_system& files_;
    const std::string& directory_;
    recover_options options_;
    const std::function<bool()>& keep_going_;
    std::vector<segment_name> segments_;
    log_check checked_;
};

}  // namespace

result<log_check> check_log(storage::file_system& files, const std::string& directory, recover_options options,
                            const record_visitor& visit, const std::function<bool()>& keep_going) {
    return log_checker(files, directory, options, keep_going).run(visit);
}

}  // namespace vecstore::wal
