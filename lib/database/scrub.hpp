/// Looking for damage before a query meets it. Two tasks, both in slices, so that whoever runs them can do other things
/// between: `first_look` touches what has not been touched since the database was opened; `pass` reads every file again
/// from the medium.
/// Thread safety: a task belongs to one thread; the counters may be read by any.
#pragma once

#include <vecstore/core/result.hpp>
#include <vecstore/database/options.hpp>
#include <vecstore/storage/block_file.hpp>
#include <vecstore/storage/file_system.hpp>

#include <collection/state.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vecstore::detail {

/// A part and where its files are. Not held: files of a part that has been replaced shall give back their space.
struct placed_part {
    std::weak_ptr<const part> rows;
    std::string directory;
};
using collection_list = std::vector<std::shared_ptr<collection_state>>;

/// All parts of these collections, as they are now. `root`: of the database.
[[nodiscard]] std::deque<placed_part> parts_of(const collection_list& collections, const std::string& root);

/// Known damage and what is still unknown, of the parts in use.
void count_damage(const collection_list& collections, scrub_stats& into);

/// Checks parts and loads indexes that `verify_mode::footer` has left.
class first_look {
public:
    explicit first_look(std::deque<placed_part> parts) : parts_(std::move(parts)) {}
    [[nodiscard]] bool done() const noexcept { return parts_.empty(); }
    /// One slice; an index is one. A damaged block is told once and gone past.
    /// Errors: corruption, io, resource_exhausted; it can be called again.
    result<void> step();

private:
    static constexpr std::uint64_t blocks_of_slice = 64;

    void next_part() noexcept;

    std::deque<placed_part> parts_;
    std::size_t index_ = 0;    ///< of the front part, to be loaded next
    std::uint64_t block_ = 0;  ///< of the front part's file
};

/// What scrubs have done; read by `stats`.
struct scrub_counters {
    std::atomic<std::uint64_t> bytes{0}, passes{0}, findings{0};
    std::atomic<std::chrono::steady_clock::duration> last_pass{};  ///< since the clock's start
};

/// One pass over all files, by reading.
class scrub_pass {
public:
    /// Lifetime: borrows both.
    scrub_pass(storage::file_system& files, std::deque<placed_part> parts, scrub_counters& counters)
        : files_(files), parts_(std::move(parts)), counters_(counters) {}
    [[nodiscard]] bool done() const noexcept { return parts_.empty(); }
    [[nodiscard]] std::size_t parts_left() const noexcept { return parts_.size(); }
    /// About `bytes` of one file; how many were read.
    /// Errors: corruption (a block; it is counted, and the next call goes on behind it), io (the file is left out).
    result<std::uint64_t> step(std::uint64_t bytes);

private:
    result<bool> open_next(const part& rows);
    void close_file() noexcept;
    void next_part() noexcept;
    [[nodiscard]] const storage::block_file& current(const part& rows) const noexcept {
        return own_ != nullptr ? *own_ : rows.file();
    }

    storage::file_system& files_;
    std::deque<placed_part> parts_;
    scrub_counters& counters_;
    std::size_t file_ = 0;  ///< the next one of the front part
    std::uint64_t block_ = 0;
    std::unique_ptr<storage::file> reader_;           ///< null: open the next one
    std::shared_ptr<const storage::block_file> own_;  ///< of an index; null: the file is the part's
};

}  // namespace vecstore::detail
