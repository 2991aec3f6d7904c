#include <vecstore/storage/lmdb_table_store.hpp>

#include "table_checks.hpp"

#include <vecstore/core/mutex.hpp>
#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/file_system.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>

#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vecstore::storage {
namespace {

constexpr std::size_t checksum_bytes = 4;
constexpr unsigned tables_max = 256;

/// The only place where LMDB's codes become ours.
error translate(int code, const char* operation, const std::string& path) {
    errc to = errc::io;
    switch (code) {
        case MDB_CORRUPTED: case MDB_PAGE_NOTFOUND: case MDB_PANIC:
        case MDB_VERSION_MISMATCH: case MDB_INVALID: case MDB_INCOMPATIBLE: to = errc::corruption; break;
        case MDB_MAP_FULL: case MDB_DBS_FULL: case MDB_READERS_FULL: case MDB_TLS_FULL:
        case MDB_TXN_FULL: case MDB_CURSOR_FULL: case MDB_PAGE_FULL:
        case ENOSPC: case EDQUOT: case ENOMEM: case EMFILE: case ENFILE: to = errc::resource_exhausted; break;
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

MDB_val to_val(byte_span bytes) noexcept { return {bytes.size(), const_cast<std::byte*>(bytes.data())}; }
byte_span to_span(const MDB_val& value) noexcept { return {static_cast<const std::byte*>(value.mv_data), value.mv_size}; }

/// The checksum is seeded by the key's, so that values cannot change places unnoticed.
std::uint32_t value_checksum(byte_span key, byte_span value) noexcept { return checksum32(value, checksum64(key)); }

result<byte_span> verified(byte_span key, byte_span stored, const std::string& path) {
    if (stored.size() >= checksum_bytes) {
        const auto value = stored.first(stored.size() - checksum_bytes);
        if (load_le<std::uint32_t>(stored.data() + value.size()) == value_checksum(key, value)) return value;
    }
    return corruption("table value: checksum differs", path, 0);
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
        for (auto* idle : idle_) mdb_txn_abort(idle);
        if (handle_ != nullptr) mdb_env_close(handle_);
    }

    result<void> open(const std::string& directory, const lmdb_options& options);
    result<std::vector<MDB_dbi>> open_tables(const std::vector<std::string>& names) VECSTORE_EXCLUDES(mutex_);
    result<MDB_txn*> begin_read() VECSTORE_EXCLUDES(mutex_);
    void end_read(MDB_txn* transaction) noexcept VECSTORE_EXCLUDES(mutex_);
    result<MDB_txn*> begin_write() VECSTORE_EXCLUDES(mutex_);
    void end_write() noexcept VECSTORE_EXCLUDES(mutex_);
    /// Called when a map was full; the next `begin_write` doubles it if no transaction runs then.
    void want_growth() VECSTORE_EXCLUDES(mutex_);
    /// Keeps the file as long as the pages in use, which the check at open relies on.
    result<void> cover_pages();

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] bool read_only() const noexcept { return read_only_; }
    [[nodiscard]] result<std::uint64_t> file_bytes() const;

private:
    result<void> check_length();
    result<void> check_missing_pages(std::uint64_t first_missing);
    [[nodiscard]] std::uint64_t bytes_in_use() const;

    MDB_env* handle_ = nullptr;
    std::string path_;
    bool read_only_ = false;
    vecstore::mutex mutex_;
    vecstore::mutex writer_mutex_;  ///< makes writers of this process wait outside of LMDB, and table opening exclusive
    std::vector<MDB_txn*> idle_ VECSTORE_GUARDED_BY(mutex_);  ///< reset read transactions; each keeps a reader slot
    std::size_t active_ VECSTORE_GUARDED_BY(mutex_) = 0;      ///< transactions that run
    bool growth_wanted_ VECSTORE_GUARDED_BY(mutex_) = false;
    std::map<std::string, MDB_dbi> tables_ VECSTORE_GUARDED_BY(mutex_);
};

result<void> environment::open(const std::string& directory, const lmdb_options& options) {
    path_ = join_path(directory, "data.mdb");
    read_only_ = options.read_only;
    if (const int code = mdb_env_create(&handle_)) return translate(code, "create", path_);
    if (const int code = mdb_env_set_mapsize(handle_, options.map_bytes)) return translate(code, "map size", path_);
    if (const int code = mdb_env_set_maxreaders(handle_, options.readers_max)) return translate(code, "readers", path_);
    if (const int code = mdb_env_set_maxdbs(handle_, tables_max)) return translate(code, "tables", path_);
    const unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (read_only_ ? unsigned{MDB_RDONLY} : 0u);
    int code = mdb_env_open(handle_, directory.c_str(), flags, 0644);
    if (read_only_ && (code == EROFS || code == EACCES)) {
        // No lock file can be made: nobody writes to such a medium, so that readers need not be known.
        mdb_env_close(std::exchange(handle_, nullptr));
        if (const int again = mdb_env_create(&handle_)) return translate(again, "create", path_);
        if (const int again = mdb_env_set_mapsize(handle_, options.map_bytes)) return translate(again, "map size", path_);
        if (const int again = mdb_env_set_maxdbs(handle_, tables_max)) return translate(again, "tables", path_);
        code = mdb_env_open(handle_, directory.c_str(), flags | MDB_NOLOCK, 0644);
    }
    if (code != 0) return translate(code, "open", path_);
    int dead = 0;
    (void)mdb_reader_check(handle_, &dead);  // slots of killed processes; a failure costs only their space
    return check_length();
}

std::uint64_t environment::bytes_in_use() const {
    MDB_envinfo info{};
    MDB_stat status{};
    mdb_env_info(handle_, &info);
    mdb_env_stat(handle_, &status);
    return (std::uint64_t{info.me_last_pgno} + 1) * status.ms_psize;
}

result<std::uint64_t> environment::file_bytes() const {
    struct stat status {};
    if (::stat(path_.c_str(), &status) != 0) return translate(errno, "stat", path_);
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
    VECSTORE_TRY(const auto present, file_bytes());
    if (present >= bytes_in_use()) return {};
    if (read_only_) return corruption("table file is cut short", path_, present);
    // Pages that were freed in the transaction that took them are never written, so that after a crash between commit and
    // `cover_pages` a right file can be short. Lengthen it, then see whether all that is missing is free.
    VECSTORE_CHECK(cover_pages());
    MDB_stat status{};
    mdb_env_stat(handle_, &status);
    auto outcome = check_missing_pages(present / status.ms_psize);
    if (!outcome) (void)::truncate(path_.c_str(), static_cast<off_t>(present));  // keep the evidence as it was
    return outcome;
}

result<void> environment::check_missing_pages(std::uint64_t first_missing) {
    MDB_envinfo info{};
    mdb_env_info(handle_, &info);
    const auto damaged = corruption("table file is cut short", path_, 0);
    MDB_txn* begun = nullptr;
    if (const int code = mdb_txn_begin(handle_, nullptr, MDB_RDONLY, &begun)) return translate(code, "begin", path_);
    const transaction_pointer transaction(begun);
    MDB_cursor* opened = nullptr;
    constexpr MDB_dbi free_pages = 0;  // LMDB's own table: transaction -> count and page numbers
    if (mdb_cursor_open(begun, free_pages, &opened) != 0) return damaged;
    const cursor_pointer walk(opened);
    std::uint64_t missing_free = 0;
    MDB_val key{};
    MDB_val value{};
    int code = 0;
    while ((code = mdb_cursor_get(opened, &key, &value, MDB_NEXT)) == 0) {
        const auto numbers = to_span(value);
        for (std::size_t at = sizeof(std::size_t); at + sizeof(std::size_t) <= numbers.size(); at += sizeof(std::size_t))
            if (load_le<std::size_t>(numbers.data() + at) >= first_missing) ++missing_free;
    }
    if (code != MDB_NOTFOUND || missing_free != info.me_last_pgno + 1 - first_missing) return damaged;
    return {};
}

result<std::vector<MDB_dbi>> environment::open_tables(const std::vector<std::string>& names) {
    const lock_guard writing(writer_mutex_);
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
    if (!read_only_) VECSTORE_CHECK(cover_pages());
    return handles;
}

result<MDB_txn*> environment::begin_read() {
    MDB_txn* transaction = nullptr;
    {
        const lock_guard lock(mutex_);
        ++active_;
        if (!idle_.empty()) {
            transaction = idle_.back();
            idle_.pop_back();
        }
    }
    int code = transaction != nullptr ? mdb_txn_renew(transaction)
                                      : mdb_txn_begin(handle_, nullptr, MDB_RDONLY, &transaction);
    if (code == 0) return transaction;
    if (transaction != nullptr) mdb_txn_abort(transaction);
    const lock_guard lock(mutex_);
    --active_;
    return translate(code, "begin", path_);
}

void environment::end_read(MDB_txn* transaction) noexcept {
    mdb_txn_reset(transaction);
    const lock_guard lock(mutex_);
    --active_;
    idle_.push_back(transaction);
}

result<MDB_txn*> environment::begin_write() VECSTORE_NO_THREAD_SAFETY_ANALYSIS {
    if (read_only_) return error{errc::unsupported, "tables were opened read-only", path_, 0};
    writer_mutex_.lock();  // given back by end_write
    int code = 0;
    {
        const lock_guard lock(mutex_);
        if (growth_wanted_ && active_ == 0) {
            MDB_envinfo info{};
            mdb_env_info(handle_, &info);
            code = mdb_env_set_mapsize(handle_, info.me_mapsize * 2);
            growth_wanted_ = code != 0;
        }
        ++active_;
    }
    MDB_txn* transaction = nullptr;
    if (code == 0) code = mdb_txn_begin(handle_, nullptr, 0, &transaction);
    if (code == 0) return transaction;
    end_write();
    return translate(code, "begin", path_);
}

void environment::end_write() noexcept VECSTORE_NO_THREAD_SAFETY_ANALYSIS {
    {
        const lock_guard lock(mutex_);
        --active_;
    }
    writer_mutex_.unlock();
}

void environment::want_growth() {
    const lock_guard lock(mutex_);
    growth_wanted_ = true;
}

struct registry {
    vecstore::mutex mutex;
    std::map<std::pair<dev_t, ino_t>, std::weak_ptr<environment>> open VECSTORE_GUARDED_BY(mutex);
};
registry& process_registry() {
    static registry all;
    return all;
}

class lmdb_cursor final : public table_cursor {
public:
    lmdb_cursor(cursor_pointer cursor, const std::string& path) : cursor_(std::move(cursor)), path_(&path) {}

    result<void> seek(byte_span key) override {
        key_ = to_val(key);
        return settle(mdb_cursor_get(cursor_.get(), &key_, &value_, key.empty() ? MDB_FIRST : MDB_SET_RANGE));
    }
    result<void> next() override { return settle(mdb_cursor_get(cursor_.get(), &key_, &value_, MDB_NEXT)); }
    [[nodiscard]] bool valid() const noexcept override { return valid_; }
    [[nodiscard]] byte_span key() const noexcept override { return to_span(key_); }
    [[nodiscard]] byte_span value() const noexcept override {
        return to_span(value_).first(value_.mv_size - checksum_bytes);
    }

private:
    result<void> settle(int code) {
        valid_ = false;
        if (code == MDB_NOTFOUND) return {};
        if (code != 0) return translate(code, "cursor", *path_);
        VECSTORE_CHECK(verified(to_span(key_), to_span(value_), *path_));
        valid_ = true;
        return {};
    }
    cursor_pointer cursor_;
    const std::string* path_;
    MDB_val key_{};
    MDB_val value_{};
    bool valid_ = false;
};

result<std::optional<byte_span>> get_from(MDB_txn* transaction, MDB_dbi table, byte_span key, const std::string& path) {
    auto wanted = to_val(key);
    MDB_val stored{};
    const int code = mdb_get(transaction, table, &wanted, &stored);
    if (code == MDB_NOTFOUND) return std::optional<byte_span>{};
    if (code != 0) return translate(code, "get", path);
    VECSTORE_TRY(const auto value, verified(key, to_span(stored), path));
    return std::optional<byte_span>(value);
}

class lmdb_reader final : public table_reader {
public:
    lmdb_reader(environment& env, const std::vector<MDB_dbi>& tables, MDB_txn* transaction)
        : environment_(&env), tables_(&tables), transaction_(transaction) {}
    ~lmdb_reader() override { environment_->end_read(transaction_); }

    [[nodiscard]] result<std::optional<byte_span>> get(table_id table, byte_span key) override {
        VECSTORE_CHECK(detail::check_key(table, tables_->size(), key));
        return get_from(transaction_, (*tables_)[table], key, environment_->path());
    }
    [[nodiscard]] result<std::unique_ptr<table_cursor>> cursor(table_id table) override {
        VECSTORE_CHECK(detail::check_table(table, tables_->size()));
        MDB_cursor* opened = nullptr;
        if (const int code = mdb_cursor_open(transaction_, (*tables_)[table], &opened))
            return translate(code, "cursor", environment_->path());
        return std::unique_ptr<table_cursor>(
            std::make_unique<lmdb_cursor>(cursor_pointer(opened), environment_->path()));
    }

private:
    environment* environment_;
    const std::vector<MDB_dbi>* tables_;
    MDB_txn* transaction_;
};

class lmdb_writer final : public table_writer {
public:
    lmdb_writer(environment& env, const std::vector<MDB_dbi>& tables, MDB_txn* transaction)
        : environment_(&env), tables_(&tables), transaction_(transaction) {}
    ~lmdb_writer() override { end(); }

    result<void> put(table_id table, byte_span key, byte_span value) override {
        VECSTORE_CHECK(detail::check_key(table, tables_->size(), key));
        VECSTORE_CHECK(detail::check_value(value));
        VECSTORE_CHECK(check_alive());
        auto name = to_val(key);
        MDB_val place{value.size() + checksum_bytes, nullptr};
        const int code = mdb_put(transaction_.get(), (*tables_)[table], &name, &place, MDB_RESERVE);
        if (code != 0) return fail(code, "put");
        auto* at = static_cast<std::byte*>(place.mv_data);
        if (!value.empty()) std::memcpy(at, value.data(), value.size());
        store_le(at + value.size(), value_checksum(key, value));
        return {};
    }
    result<void> erase(table_id table, byte_span key) override {
        VECSTORE_CHECK(detail::check_key(table, tables_->size(), key));
        VECSTORE_CHECK(check_alive());
        auto name = to_val(key);
        const int code = mdb_del(transaction_.get(), (*tables_)[table], &name, nullptr);
        if (code != 0 && code != MDB_NOTFOUND) return fail(code, "erase");
        return {};
    }
    result<void> erase_range(table_id table, byte_span first, byte_span last) override {
        VECSTORE_CHECK(detail::check_table(table, tables_->size()));
        VECSTORE_CHECK(check_alive());
        MDB_cursor* opened = nullptr;
        if (const int code = mdb_cursor_open(transaction_.get(), (*tables_)[table], &opened)) return fail(code, "cursor");
        cursor_pointer walk(opened);
        auto key = to_val(first);
        MDB_val value{};
        int code = mdb_cursor_get(opened, &key, &value, first.empty() ? MDB_FIRST : MDB_SET_RANGE);
        while (code == 0 && (last.empty() || detail::key_less(to_span(key), last))) {
            code = mdb_cursor_del(opened, 0);
            // After a deletion the cursor stands before the next entry.
            if (code == 0) code = mdb_cursor_get(opened, &key, &value, MDB_NEXT);
        }
        walk.reset();  // a write cursor must not outlive its transaction, which `fail` ends
        if (code != 0 && code != MDB_NOTFOUND) return fail(code, "cursor");
        return {};
    }
    [[nodiscard]] result<std::optional<byte_span>> get(table_id table, byte_span key) override {
        VECSTORE_CHECK(detail::check_key(table, tables_->size(), key));
        VECSTORE_CHECK(check_alive());
        return get_from(transaction_.get(), (*tables_)[table], key, environment_->path());
    }
    result<void> commit() override {
        VECSTORE_CHECK(check_alive());
        const int code = mdb_txn_commit(transaction_.release());
        // Should the file not grow here, the next open does it: a commit that succeeded is durable.
        if (code == 0) (void)environment_->cover_pages();
        environment_->end_write();
        if (code == 0) return {};
        return fail(code, "commit");
    }

private:
    [[nodiscard]] result<void> check_alive() const {
        if (!transaction_) return error{errc::unavailable, "the writer has ended", environment_->path(), 0};
        return {};
    }
    /// Drops the transaction, if it still runs, and lets the next writer begin.
    void end() noexcept {
        if (!transaction_) return;
        transaction_.reset();
        environment_->end_write();
    }
    error fail(int code, const char* operation) {
        end();
        if (code == MDB_MAP_FULL) environment_->want_growth();
        return translate(code, operation, environment_->path());
    }
    environment* environment_;
    const std::vector<MDB_dbi>* tables_;
    transaction_pointer transaction_;
};

class lmdb_store final : public table_store {
public:
    lmdb_store(std::shared_ptr<environment> env, std::vector<MDB_dbi> tables)
        : environment_(std::move(env)), tables_(std::move(tables)) {}
    ~lmdb_store() override {
        // Under the registry's lock, so that nobody opens the file while the last user closes it.
        const lock_guard lock(process_registry().mutex);
        environment_.reset();
    }

    [[nodiscard]] result<std::unique_ptr<table_reader>> read() override {
        VECSTORE_TRY(auto* const transaction, environment_->begin_read());
        return std::unique_ptr<table_reader>(std::make_unique<lmdb_reader>(*environment_, tables_, transaction));
    }
    [[nodiscard]] result<std::unique_ptr<table_writer>> write() override {
        VECSTORE_TRY(auto* const transaction, environment_->begin_write());
        return std::unique_ptr<table_writer>(std::make_unique<lmdb_writer>(*environment_, tables_, transaction));
    }
    [[nodiscard]] result<std::uint64_t> size_bytes() override { return environment_->file_bytes(); }

private:
    std::shared_ptr<environment> environment_;
    std::vector<MDB_dbi> tables_;
};

result<std::shared_ptr<environment>> shared_environment(const std::string& path, const lmdb_options& options) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return translate(errno, "open", path);
    auto& all = process_registry();
    const lock_guard lock(all.mutex);
    auto& known = all.open[{status.st_dev, status.st_ino}];
    auto shared = known.lock();
    if (shared && shared->read_only() && !options.read_only)
        return error{errc::unavailable, "tables are open read-only in this process", path, 0};
    if (shared) return shared;
    auto opened = std::make_shared<environment>();
    VECSTORE_CHECK(opened->open(path, options));
    known = opened;
    return opened;
}

}  // namespace

result<std::unique_ptr<table_store>> open_lmdb(const std::string& path, const std::vector<std::string>& names,
                                               const lmdb_options& options) {
    if (names.size() > tables_max) return invalid_argument("names: more than 256 tables");
    if (!options.read_only) VECSTORE_CHECK(posix_file_system().create_directories(path));
    VECSTORE_TRY(auto shared, shared_environment(path, options));
    auto tables = shared->open_tables(names);
    if (!tables) {
        const lock_guard lock(process_registry().mutex);
        shared.reset();
        return std::move(tables).error();
    }
    return std::unique_ptr<table_store>(std::make_unique<lmdb_store>(std::move(shared), *std::move(tables)));
}

}  // namespace vecstore::storage
