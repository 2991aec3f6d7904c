/// Which writes were named by their callers, and what they were told: so that a write that is tried again is not done
/// again. Bounded by the log, not by a clock, so that all who apply a log remember the same: an id is known for
/// `write_ids_window` records.
/// Thread safety: for the thread that has the writer's turn.
#pragma once

#include <vecstore/collection/point.hpp>
#include <vecstore/core/limits.hpp>
#include <vecstore/core/random.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/storage/table_store.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

namespace vecstore::detail {

class write_ids {
public:
    /// A write that was named. Skipped ids are not kept, only their number.
    struct entry {
        write_id id;
        std::uint64_t lsn = 0;
        std::uint64_t term = 0;
        std::uint64_t points = 0;
        std::uint64_t skipped = 0;
    };

    /// What the write of that name was told, when it is no more than the window before `lsn`.
    [[nodiscard]] std::optional<write_result> find(const write_id& id, std::uint64_t lsn) const;
    void put(const entry& added);
    void clear() noexcept;
    /// Those behind `lsn`, for a checkpoint.
    [[nodiscard]] std::vector<entry> since(std::uint64_t lsn) const;

    /// Adds `fresh` to the tables of a checkpoint at `lsn`, and removes what is out of the window.
    [[nodiscard]] static result<void> store(storage::table_writer& tables, const std::vector<entry>& fresh,
                                            std::uint64_t lsn);
    /// Errors: corruption, io.  Cost: one pass over at most half a million entries of 40 bytes.
    result<void> load(storage::table_reader& tables);

private:
    struct hash {
        std::size_t operator()(const write_id& id) const noexcept { return mix64(id.client ^ mix64(id.number)); }
    };
    std::deque<entry> by_lsn_;
    std::unordered_map<write_id, entry, hash> by_id_;
};

}  // namespace vecstore::detail
