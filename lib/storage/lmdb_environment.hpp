/// LMDB's environment, its transactions and its errors, wrapped for `lmdb_table_store.cpp`.
/// Thread safety: an environment may be used from any thread; what it gives out belongs to one thread at a time.
#pragma once

#include "page_sums.hpp"

#include <vecstore/core/mutex.hpp>
#include <vecstore/storage/lmdb_table_store.hpp>

#include <lmdb.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vecstore::storage::detail {

inline constexpr unsigned lmdb_tables_max = 256;

/// A table that a store opened read-only does not have: it was made by a version that knew fewer. Read as empty.
inline constexpr MDB_dbi absent_table = ~MDB_dbi{0};

/// The only place where LMDB's codes become ours.
[[nodiscard]] error translate(int code, const char* operation, const std::string& path);

inline MDB_val to_val(byte_span bytes) noexcept { return {bytes.size(), const_cast<std::byte*>(bytes.data())}; }
inline byte_span to_span(const MDB_val& value) noexcept {
    return {static_cast<const std::byte*>(value.mv_data), value.mv_size};
}

struct transaction_end {
    void operator()(MDB_txn* transaction) const noexcept { mdb_txn_abort(transaction); }
};
using transaction_pointer = std::unique_ptr<MDB_txn, transaction_end>;
struct cursor_end {
    void operator()(MDB_cursor* at) const noexcept { mdb_cursor_close(at); }
};
using cursor_pointer = std::unique_ptr<MDB_cursor, cursor_end>;

/// One environment of this process. Opening a file twice in one process is what LMDB forbids (closing either drops the
/// locks of both), so that stores of one directory share it through `registry`.
class environment {
public:
    environment() = default;
    environment(const environment&) = delete;
    environment& operator=(const environment&) = delete;
    ~environment() {
        free_reader_.reset();
        for (auto& slot : idle_)
            if (auto* const idle = slot.load()) mdb_txn_abort(idle);
        if (handle_ != nullptr) mdb_env_close(handle_);
        if (directory_handle_ >= 0) ::close(directory_handle_);
    }

    result<void> open(const std::string& directory, const lmdb_options& options);
    /// False when `directory` is another one than was opened: its files have been replaced.
    [[nodiscard]] bool is_at(const std::string& directory) const noexcept;
    /// True when the files may have been replaced by a compacted copy: `is_at` tells. Cost: none for the process that
    /// writes, a look at an open file for others.
    [[nodiscard]] bool may_have_moved() const noexcept;
    /// `is_at`, and remembers that it has not moved until now.
    [[nodiscard]] bool stays_at(const std::string& directory) noexcept;
    /// Copies what is in use into `copy`, which was not opened yet, and puts its directory where this one was. On
    /// success the caller goes on with `copy`; `spare` is the directory that becomes the new one, and then the old one.
    result<void> move_to(environment& copy, const std::string& directory, const std::string& spare)
        VECSTORE_EXCLUDES(writer_mutex_);
    result<std::vector<MDB_dbi>> open_tables(const std::vector<std::string>& names) VECSTORE_EXCLUDES(mutex_);
    /// Takes no lock: a reset transaction is renewed, which is a few loads and stores. LMDB locks only when it makes one.
    result<MDB_txn*> begin_read();
    void end_read(MDB_txn* transaction) noexcept;
    result<MDB_txn*> begin_write() VECSTORE_EXCLUDES(mutex_);
    void end_write() noexcept;
    /// Called when a map was full; the next `begin_write` doubles it if no transaction runs then.
    void want_growth() noexcept { growth_wanted_.store(true); }
    /// Completes the file after a commit, before `end_write`. What fails here is done by the next `begin_write` or by
    /// the next open: the commit stands, and a file whose sums are one commit behind is a right one.
    void after_commit() noexcept VECSTORE_NO_THREAD_SAFETY_ANALYSIS;

    /// Slots of killed processes, which keep old pages from being reused.
    void drop_dead_readers() noexcept;

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] bool read_only() const noexcept { return read_only_; }
    [[nodiscard]] result<std::uint64_t> file_bytes() const;
    /// Of the file, in pages that hold nothing; after the last commit of this process.
    [[nodiscard]] std::uint64_t free_bytes() const noexcept { return free_bytes_.load(std::memory_order_relaxed); }
    /// By commits and moves of this process, without the sums.
    [[nodiscard]] std::uint64_t written_bytes() const noexcept {
        return written_bytes_.load(std::memory_order_relaxed);
    }

private:
    result<void> create(const lmdb_options& options);
    result<void> check_length() VECSTORE_REQUIRES(writer_mutex_);
    result<void> check_missing_pages(std::uint64_t first_missing) VECSTORE_REQUIRES(writer_mutex_);
    result<std::vector<std::uint64_t>> free_pages() VECSTORE_REQUIRES(writer_mutex_);
    /// Keeps the file as long as the pages in use, so that a file which is shorter has lost something.
    result<void> cover_pages();
    /// Brings `state/sums` to the newest transaction. No commit begins before this has succeeded, so that they are
    /// never more than one commit behind.
    result<void> store_sums() VECSTORE_REQUIRES(writer_mutex_);
    result<void> write_sums(const page_usage& now) VECSTORE_REQUIRES(writer_mutex_);
    result<void> copy_to(environment& copy, const std::string& spare) VECSTORE_REQUIRES(writer_mutex_);
    [[nodiscard]] std::uint64_t count_links() const noexcept;
    void set_directory(const std::string& directory);
    [[nodiscard]] page_usage usage() const;
    void enter() noexcept;
    [[nodiscard]] int grow_if_wanted() noexcept;
    [[nodiscard]] std::uint64_t bytes_in_use() const;

    MDB_env* handle_ = nullptr;
    std::string path_;
    std::string sums_path_;
    bool read_only_ = false;
    int directory_handle_ = -1;            ///< also keeps the directory's number from being given to another
    std::atomic<std::uint64_t> links_{0};  ///< names of the file when it was last known to be in its place
    std::atomic<bool> replaced_{false};    ///< by this process
    std::atomic<bool> misplaced_{false};   ///< a failed move left it under another name: no more commits
    std::atomic<std::uint64_t> free_bytes_{0};
    std::atomic<std::uint64_t> written_bytes_{0};
    vecstore::mutex mutex_;
    vecstore::mutex writer_mutex_;  ///< makes writers of this process wait outside of LMDB, and table opening exclusive
    /// Walks the free pages, also when all other reader slots are taken; reset between. None when read-only.
    transaction_pointer free_reader_ VECSTORE_GUARDED_BY(writer_mutex_);
    std::optional<page_sums> sums_ VECSTORE_GUARDED_BY(writer_mutex_);  ///< what is in `state/sums`
    /// Reset read transactions; each keeps a reader slot. One is in a slot or lent, never both: `exchange` hands it over.
    std::array<std::atomic<MDB_txn*>, 64> idle_{};
    /// The map may be replaced only while no transaction runs: who begins one counts itself, then looks at `growing_`;
    /// who grows raises `growing_`, then looks at the count. One of them sees the other (sequentially consistent).
    std::atomic<std::size_t> active_{0};
    std::atomic<bool> growing_{false};
    std::atomic<bool> growth_wanted_{false};
    std::map<std::string, MDB_dbi> tables_ VECSTORE_GUARDED_BY(mutex_);
};

}  // namespace vecstore::storage::detail
