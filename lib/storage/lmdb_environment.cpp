#include "lmdb_environment.hpp"

#include <vecstore/storage/file_system.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <new>
#include <thread>
#include <utility>

namespace vecstore::storage::detail {

error translate(int code, const char* operation, const std::string& path) {
    errc to = errc::io;
    switch (code) {
        case MDB_CORRUPTED:
        case MDB_PAGE_NOTFOUND:
        case MDB_PANIC:
        case MDB_VERSION_MISMATCH:
        case MDB_INVALID:
        case MDB_INCOMPATIBLE: to = errc::corruption; break;
        case MDB_MAP_FULL:
        case MDB_DBS_FULL:
        case MDB_READERS_FULL:
        case MDB_TLS_FULL:
        case MDB_TXN_FULL:
        case MDB_CURSOR_FULL:
        case MDB_PAGE_FULL:
        case ENOSPC:
        case EDQUOT:
        case ENOMEM:
        case EMFILE:
        case ENFILE: to = errc::resource_exhausted; break;
        case MDB_BAD_VALSIZE: to = errc::invalid_argument; break;
        case MDB_NOTFOUND:
        case ENOENT: to = errc::not_found; break;
        case MDB_BAD_TXN:
        case MDB_BAD_DBI:
        case MDB_BAD_RSLOT: to = errc::internal; break;
        case MDB_MAP_RESIZED: to = errc::unavailable; break;
        default: break;
    }
    return {to, std::string("lmdb ") + operation + ": " + mdb_strerror(code), path, 0};
}

namespace {

/// LMDB takes an empty file for a new one.
result<void> discard_interrupted_creation(const std::string& directory) {
    VECSTORE_TRY(const bool interrupted, creation_interrupted(posix_file_system(), directory));
    if (!interrupted) return {};
    VECSTORE_TRY(const auto tables,
                 posix_file_system().open(join_path(directory, tables_file_name), open_mode::create));
    return tables->truncate(0);
}

/// Live now and not before; and the meta page.
std::uint64_t pages_written(const page_sums& before, const page_sums& now) noexcept {
    std::uint64_t pages = 1;
    for (std::size_t i = 0; i < now.blocks.size(); ++i) {
        const auto old = i < before.blocks.size() ? before.blocks[i].live : 0;
        pages += static_cast<std::uint64_t>(std::popcount(now.blocks[i].live & ~old));
    }
    return pages;
}

}  // namespace

result<void> environment::create(const lmdb_options& options) {
    if (const int code = mdb_env_create(&handle_)) return translate(code, "create", path_);
    if (const int code = mdb_env_set_mapsize(handle_, options.map_bytes)) return translate(code, "map size", path_);
    // One more, which is ours.
    if (const int code = mdb_env_set_maxreaders(handle_, options.readers_max + 1))
        return translate(code, "readers", path_);
    if (const int code = mdb_env_set_maxdbs(handle_, lmdb_tables_max)) return translate(code, "tables", path_);
    return {};
}

result<void> environment::open(const std::string& directory, const lmdb_options& options) {
    const lock_guard opening(writer_mutex_);
    set_directory(directory);
    read_only_ = options.read_only;
    directory_handle_ = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory_handle_ < 0) return translate(errno, "open", directory);
    if (!read_only_) VECSTORE_CHECK(discard_interrupted_creation(directory));
    VECSTORE_TRY(sums_, verify_pages(posix_file_system(), directory, read_only_));
    VECSTORE_CHECK(create(options));
    const unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (read_only_ ? unsigned{MDB_RDONLY} : 0u);
    int code = mdb_env_open(handle_, directory.c_str(), flags, 0644);
    if (read_only_ && (code == EROFS || code == EACCES)) {
        // No lock file can be made: nobody writes to such a medium, so that readers need not be known.
        mdb_env_close(std::exchange(handle_, nullptr));
        VECSTORE_CHECK(create(options));
        code = mdb_env_open(handle_, directory.c_str(), flags | MDB_NOLOCK, 0644);
    }
    if (code != 0) return translate(code, "open", path_);
    links_.store(count_links());
    drop_dead_readers();
    if (!read_only_) {
        MDB_txn* reader = nullptr;
        if (code = mdb_txn_begin(handle_, nullptr, MDB_RDONLY, &reader); code != 0)
            return translate(code, "begin", path_);
        mdb_txn_reset(reader);
        free_reader_.reset(reader);
    }
    VECSTORE_CHECK(check_length());
    return read_only_ ? result<void>{} : store_sums();
}

void environment::drop_dead_readers() noexcept {
    int dead = 0;
    (void)mdb_reader_check(handle_, &dead);  // a failure costs only their space
}

page_usage environment::usage() const {
    MDB_envinfo info{};
    MDB_stat status{};
    mdb_env_info(handle_, &info);
    mdb_env_stat(handle_, &status);
    return {info.me_last_txnid, std::uint64_t{info.me_last_pgno} + 1, status.ms_psize, {}};
}

std::uint64_t environment::bytes_in_use() const {
    const auto now = usage();
    return now.page_count * now.page_bytes;
}

result<std::uint64_t> environment::file_bytes() const {
    mdb_filehandle_t file{};
    mdb_env_get_fd(handle_, &file);
    struct stat status {};
    if (::fstat(file, &status) != 0) return translate(errno, "stat", path_);
    return static_cast<std::uint64_t>(status.st_size);
}

result<void> environment::cover_pages() {
    VECSTORE_TRY(const auto present, file_bytes());
    const auto wanted = bytes_in_use();
    if (present < wanted && ::truncate(path_.c_str(), static_cast<off_t>(wanted)) != 0)
        return translate(errno, "grow", path_);
    return {};
}

/// A map that reaches beyond its file answers with SIGBUS, so that a shortened file must be found before it is read.
result<void> environment::check_length() {
    VECSTORE_TRY(auto present, file_bytes());
    // A writer in another process lengthens the file just after its commit.
    for (int wait_ms = 1; read_only_ && present < bytes_in_use() && wait_ms <= 16; wait_ms *= 2) {
        std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
        VECSTORE_TRY(present, file_bytes());
    }
    if (present >= bytes_in_use()) return {};
    // Pages that were freed in the transaction that took them are never written, so that after a crash between commit
    // and `cover_pages` a right file can be short. With sums of this transaction, all that is live has been seen.
    // Without, lengthen the file, then see whether all that is missing is free.
    if (sums_ && sums_->transaction == usage().transaction) return read_only_ ? result<void>{} : cover_pages();
    if (read_only_) return corruption("table file is cut short", path_, present);
    VECSTORE_CHECK(cover_pages());
    auto outcome = check_missing_pages(present / usage().page_bytes);
    if (!outcome) (void)::truncate(path_.c_str(), static_cast<off_t>(present));  // keep the evidence as it was
    return outcome;
}

result<void> environment::check_missing_pages(std::uint64_t first_missing) {
    const auto free = free_pages();
    if (!free) return corruption("table file is cut short", path_, 0);
    const auto missing_free =
        std::count_if(free->begin(), free->end(), [&](auto page) { return page >= first_missing; });
    if (static_cast<std::uint64_t>(missing_free) == usage().page_count - first_missing) return {};
    return corruption("table file is cut short", path_, 0);
}

result<std::vector<std::uint64_t>> environment::free_pages() {
    if (const int code = mdb_txn_renew(free_reader_.get())) return translate(code, "begin", path_);
    const std::unique_ptr<MDB_txn, void (*)(MDB_txn*)> transaction(free_reader_.get(), mdb_txn_reset);
    MDB_cursor* opened = nullptr;
    constexpr MDB_dbi free_table = 0;  // LMDB's own: transaction -> count, then page numbers
    if (const int code = mdb_cursor_open(transaction.get(), free_table, &opened))
        return translate(code, "cursor", path_);
    const cursor_pointer walk(opened);
    std::vector<std::uint64_t> pages;
    MDB_val key{};
    MDB_val value{};
    int code = 0;
    while ((code = mdb_cursor_get(opened, &key, &value, MDB_NEXT)) == 0) {
        byte_reader numbers(to_span(value));
        for (auto count = numbers.get<std::uint64_t>(); count > 0 && numbers.remaining() > 0; --count)
            pages.push_back(numbers.get<std::uint64_t>());
    }
    if (code != MDB_NOTFOUND) return translate(code, "cursor", path_);
    return pages;
}

result<void> environment::store_sums() {
    try {
        auto now = usage();
        if (now.transaction == (sums_ ? sums_->transaction : 0)) return {};
        VECSTORE_TRY(now.free_pages, free_pages());
        return write_sums(now);
    } catch (const std::bad_alloc&) {  // callers hold locks that are not given back by unwinding
        return error{errc::resource_exhausted, "out of memory"};
    }
}

result<void> environment::write_sums(const page_usage& now) {
    // LMDB does not sync its file's name. After a power cut the first sums must not stand alone.
    if (!sums_) VECSTORE_CHECK(posix_file_system().sync_directory(parent_directory(path_)));
    VECSTORE_TRY(const auto tables, posix_file_system().open(path_, open_mode::read));
    VECSTORE_TRY(auto sums, sum_pages(*tables, now, sums_ ? &*sums_ : nullptr));
    VECSTORE_CHECK(write_file(posix_file_system(), sums_path_, encode_sums(sums)));
    if (sums_) written_bytes_.fetch_add(pages_written(*sums_, sums) * now.page_bytes, std::memory_order_relaxed);
    free_bytes_.store(now.free_pages.size() * now.page_bytes, std::memory_order_relaxed);
    sums_ = std::move(sums);
    return {};
}

void environment::after_commit() noexcept VECSTORE_NO_THREAD_SAFETY_ANALYSIS {
    (void)cover_pages();
    (void)store_sums();
}

result<std::vector<MDB_dbi>> environment::open_tables(const std::vector<std::string>& names) {
    const lock_guard writing(writer_mutex_);
    if (!read_only_) VECSTORE_CHECK(store_sums());
    // A transaction takes LMDB's own lock, and its owner may then want `mutex_`: never the other way round.
    const auto known_tables = [&] {
        const lock_guard lock(mutex_);
        return tables_;
    }();
    std::vector<MDB_dbi> handles;
    MDB_txn* begun = nullptr;
    if (const int code = mdb_txn_begin(handle_, nullptr, read_only_ ? unsigned{MDB_RDONLY} : 0u, &begun))
        return translate(code, "begin", path_);
    transaction_pointer transaction(begun);
    std::map<std::string, MDB_dbi> opened;
    for (const auto& name : names) {
        MDB_dbi handle = 0;
        if (const auto known = known_tables.find(name); known != known_tables.end()) {
            handle = known->second;
        } else {
            const int code = mdb_dbi_open(begun, name.c_str(), read_only_ ? 0u : unsigned{MDB_CREATE}, &handle);
            if (code == MDB_NOTFOUND && read_only_) {
                handles.push_back(absent_table);
                continue;
            }
            if (code != 0) return translate(code, "table", path_);
            opened.emplace(name, handle);
        }
        handles.push_back(handle);
    }
    if (const int code = mdb_txn_commit(transaction.release())) return translate(code, "commit", path_);
    {
        const lock_guard lock(mutex_);
        tables_.merge(opened);
    }
    if (read_only_) return handles;
    VECSTORE_CHECK(cover_pages());
    VECSTORE_CHECK(store_sums());
    return handles;
}

void environment::enter() noexcept {
    active_.fetch_add(1);
    while (growing_.load()) {  // rare and short: a system call that maps anew
        active_.fetch_sub(1);
        std::this_thread::yield();
        active_.fetch_add(1);
    }
}

result<MDB_txn*> environment::begin_read() {
    enter();
    MDB_txn* transaction = nullptr;
    for (auto& slot : idle_) {
        if (slot.load(std::memory_order_relaxed) == nullptr) continue;
        transaction = slot.exchange(nullptr, std::memory_order_acquire);
        if (transaction != nullptr) break;
    }
    const int code =
        transaction != nullptr ? mdb_txn_renew(transaction) : mdb_txn_begin(handle_, nullptr, MDB_RDONLY, &transaction);
    if (code == 0) return transaction;
    if (transaction != nullptr) mdb_txn_abort(transaction);
    active_.fetch_sub(1);
    return translate(code, "begin", path_);
}

void environment::end_read(MDB_txn* transaction) noexcept {
    mdb_txn_reset(transaction);
    for (auto& slot : idle_) {
        MDB_txn* empty = nullptr;
        if (slot.compare_exchange_strong(empty, transaction, std::memory_order_release, std::memory_order_relaxed)) {
            active_.fetch_sub(1);
            return;
        }
    }
    mdb_txn_abort(transaction);
    active_.fetch_sub(1);
}

int environment::grow_if_wanted() noexcept {
    if (!growth_wanted_.load()) return 0;
    int code = 0;
    growing_.store(true);
    if (active_.load() == 0) {
        MDB_envinfo info{};
        mdb_env_info(handle_, &info);
        code = mdb_env_set_mapsize(handle_, info.me_mapsize * 2);
        growth_wanted_.store(code != 0);
    }
    growing_.store(false);
    return code;
}

result<MDB_txn*> environment::begin_write() VECSTORE_NO_THREAD_SAFETY_ANALYSIS {
    if (read_only_) return error{errc::unsupported, "tables were opened read-only", path_};
    writer_mutex_.lock();  // given back by end_write
    if (replaced_ || misplaced_) {
        writer_mutex_.unlock();
        return error{replaced_ ? errc::unavailable : errc::io, "the tables have moved", path_};
    }
    if (auto stored = store_sums(); !stored) {
        writer_mutex_.unlock();
        return std::move(stored).error();
    }
    int dead = 0;
    (void)mdb_reader_check(handle_, &dead);  // a killed reader must not keep pages from being used again
    int code = grow_if_wanted();
    enter();
    MDB_txn* transaction = nullptr;
    if (code == 0) code = mdb_txn_begin(handle_, nullptr, 0, &transaction);
    if (code == 0) return transaction;
    end_write();
    return translate(code, "begin", path_);
}

void environment::end_write() noexcept VECSTORE_NO_THREAD_SAFETY_ANALYSIS {
    active_.fetch_sub(1);
    writer_mutex_.unlock();
}

}  // namespace vecstore::storage::detail
