#include "fork_generation.hpp"
#include "lmdb_environment.hpp"
#include "table_checks.hpp"

#include <vecstore/core/mutex.hpp>
#include <vecstore/core/published.hpp>
#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/file_system.hpp>
#include <vecstore/storage/lmdb_table_store.hpp>

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <tuple>

namespace vecstore::storage {
namespace {

using namespace detail;

constexpr std::size_t checksum_bytes = 4;

/// The checksum is seeded by the key's, so that values cannot change places unnoticed.
std::uint32_t value_checksum(byte_span key, byte_span value) noexcept { return checksum32(value, checksum64(key)); }

result<byte_span> verified(byte_span key, byte_span stored, const std::string& path) {
    if (stored.size() >= checksum_bytes) {
        const auto value = stored.first(stored.size() - checksum_bytes);
        if (load_le<std::uint32_t>(stored.data() + value.size()) == value_checksum(key, value)) return value;
    }
    return corruption("table value: checksum differs", path, 0);
}

struct registry {
    vecstore::mutex mutex;
    /// By process, too: an environment inherited over fork() is the parent's.
    std::map<std::tuple<std::uint32_t, dev_t, ino_t>, std::weak_ptr<environment>> open VECSTORE_GUARDED_BY(mutex);
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
    if (table == absent_table) return std::optional<byte_span>{};
    auto wanted = to_val(key);
    MDB_val stored{};
    const int code = mdb_get(transaction, table, &wanted, &stored);
    if (code == MDB_NOTFOUND) return std::optional<byte_span>{};
    if (code != 0) return translate(code, "get", path);
    VECSTORE_TRY(const auto value, verified(key, to_span(stored), path));
    return std::optional<byte_span>(value);
}

/// Of a table that is absent.
class empty_cursor final : public table_cursor {
public:
    result<void> seek(byte_span) override { return {}; }
    result<void> next() override { return {}; }
    [[nodiscard]] bool valid() const noexcept override { return false; }
    [[nodiscard]] byte_span key() const noexcept override { return {}; }
    [[nodiscard]] byte_span value() const noexcept override { return {}; }
};

/// An environment and the handles of its tables; another one after each compaction. Kept by whoever reads or writes.
struct generation {
    std::shared_ptr<environment> env;
    std::vector<MDB_dbi> tables;
};

class lmdb_reader final : public table_reader {
public:
    lmdb_reader(snapshot<generation> of, MDB_txn* transaction)
        : generation_(std::move(of)),
          environment_(generation_->env.get()),
          tables_(&generation_->tables),
          transaction_(transaction) {}
    ~lmdb_reader() override { environment_->end_read(transaction_); }

    [[nodiscard]] result<std::optional<byte_span>> get(table_id table, byte_span key) override {
        VECSTORE_CHECK(check_key(table, tables_->size(), key));
        return get_from(transaction_, (*tables_)[table], key, environment_->path());
    }
    [[nodiscard]] result<std::unique_ptr<table_cursor>> cursor(table_id table) override {
        VECSTORE_CHECK(check_table(table, tables_->size()));
        if ((*tables_)[table] == absent_table) return std::unique_ptr<table_cursor>(std::make_unique<empty_cursor>());
        MDB_cursor* opened = nullptr;
        if (const int code = mdb_cursor_open(transaction_, (*tables_)[table], &opened))
            return translate(code, "cursor", environment_->path());
        return std::unique_ptr<table_cursor>(
            std::make_unique<lmdb_cursor>(cursor_pointer(opened), environment_->path()));
    }

private:
    snapshot<generation> generation_;
    environment* environment_;
    const std::vector<MDB_dbi>* tables_;
    MDB_txn* transaction_;
};

class lmdb_writer final : public table_writer {
public:
    lmdb_writer(snapshot<generation> of, MDB_txn* transaction)
        : generation_(std::move(of)),
          environment_(generation_->env.get()),
          tables_(&generation_->tables),
          transaction_(transaction) {}
    ~lmdb_writer() override { end(); }

    result<void> put(table_id table, byte_span key, byte_span value) override {
        VECSTORE_CHECK(check_key(table, tables_->size(), key));
        VECSTORE_CHECK(check_value(value));
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
        VECSTORE_CHECK(check_key(table, tables_->size(), key));
        VECSTORE_CHECK(check_alive());
        auto name = to_val(key);
        const int code = mdb_del(transaction_.get(), (*tables_)[table], &name, nullptr);
        if (code != 0 && code != MDB_NOTFOUND) return fail(code, "erase");
        return {};
    }
    result<void> erase_range(table_id table, byte_span first, byte_span last) override {
        VECSTORE_CHECK(check_table(table, tables_->size()));
        VECSTORE_CHECK(check_alive());
        MDB_cursor* opened = nullptr;
        if (const int code = mdb_cursor_open(transaction_.get(), (*tables_)[table], &opened))
            return fail(code, "cursor");
        cursor_pointer walk(opened);
        auto key = to_val(first);
        MDB_val value{};
        int code = mdb_cursor_get(opened, &key, &value, first.empty() ? MDB_FIRST : MDB_SET_RANGE);
        while (code == 0 && (last.empty() || key_less(to_span(key), last))) {
            code = mdb_cursor_del(opened, 0);
            // After a deletion the cursor stands before the next entry.
            if (code == 0) code = mdb_cursor_get(opened, &key, &value, MDB_NEXT);
        }
        walk.reset();  // a write cursor must not outlive its transaction, which `fail` ends
        if (code != 0 && code != MDB_NOTFOUND) return fail(code, "cursor");
        return {};
    }
    [[nodiscard]] result<std::optional<byte_span>> get(table_id table, byte_span key) override {
        VECSTORE_CHECK(check_key(table, tables_->size(), key));
        VECSTORE_CHECK(check_alive());
        return get_from(transaction_.get(), (*tables_)[table], key, environment_->path());
    }
    result<void> commit() override {
        VECSTORE_CHECK(check_alive());
        const int code = mdb_txn_commit(transaction_.release());
        if (code == 0) environment_->after_commit();
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
    snapshot<generation> generation_;
    environment* environment_;
    const std::vector<MDB_dbi>* tables_;
    transaction_pointer transaction_;
};

/// With the process: an environment inherited over fork() is the parent's.
using directory_number = std::tuple<std::uint32_t, dev_t, ino_t>;

result<directory_number> number_of(const std::string& directory) {
    struct stat status {};
    if (::stat(directory.c_str(), &status) != 0) return translate(errno, "open", directory);
    return directory_number{watch_forks(), status.st_dev, status.st_ino};
}

/// Where a compacted copy is made, and what it replaced is removed.
std::string spare_directory(const std::string& path) { return path + ".compact"; }

/// Another process may put a compacted copy in the place of what is being opened: then it is opened anew.
result<std::shared_ptr<environment>> shared_environment(const std::string& path, const lmdb_options& options) {
    constexpr int attempts_max = 20;
    auto& all = process_registry();
    const lock_guard lock(all.mutex);
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        VECSTORE_TRY(const auto number, number_of(path));
        auto& known = all.open[number];
        if (auto shared = known.lock()) {
            if (shared->read_only() && !options.read_only)
                return error{errc::unavailable, "tables are open read-only in this process", path, 0};
            return shared;
        }
        if (!options.read_only) VECSTORE_CHECK(posix_file_system().remove_all(spare_directory(path)));
        auto opened = std::make_shared<environment>();
        auto outcome = opened->open(path, options);
        if (!opened->is_at(path)) continue;
        VECSTORE_CHECK(std::move(outcome));
        known = opened;
        return opened;
    }
    return error{errc::unavailable, "the tables are replaced faster than they can be opened", path, 0};
}

class lmdb_store final : public table_store {
public:
    lmdb_store(std::string path, std::vector<std::string> names, const lmdb_options& options, generation first)
        : path_(std::move(path)), names_(std::move(names)), options_(options) {
        current_.publish(std::move(first));
    }
    ~lmdb_store() override {
        // Under the registry's lock, so that nobody opens the file while the last user closes it.
        const lock_guard lock(process_registry().mutex);
        current_.publish({});
    }

    [[nodiscard]] result<std::unique_ptr<table_reader>> read() override {
        VECSTORE_TRY(auto now, newest());
        VECSTORE_TRY(auto* const transaction, now->env->begin_read());
        return std::unique_ptr<table_reader>(std::make_unique<lmdb_reader>(std::move(now), transaction));
    }
    [[nodiscard]] result<std::unique_ptr<table_writer>> write() override {
        for (;;) {
            VECSTORE_TRY(auto now, newest());
            auto begun = now->env->begin_write();
            if (begun) return std::unique_ptr<table_writer>(std::make_unique<lmdb_writer>(std::move(now), *begun));
            if (!now->env->may_have_moved()) return std::move(begun).error();
        }
    }
    [[nodiscard]] result<std::uint64_t> size_bytes() override { return current_.pin()->env->file_bytes(); }
    [[nodiscard]] std::uint64_t free_bytes() noexcept override { return current_.pin()->env->free_bytes(); }
    [[nodiscard]] std::uint64_t written_bytes() noexcept override { return current_.pin()->env->written_bytes(); }

    result<void> compact() override {
        if (options_.read_only) return error{errc::unsupported, "tables were opened read-only", path_};
        VECSTORE_TRY(const auto now, newest());
        const auto spare = spare_directory(path_);
        const lock_guard lock(moving_);
        auto& files = posix_file_system();
        VECSTORE_CHECK(files.remove_all(spare));
        VECSTORE_CHECK(files.create_directories(spare));
        auto copy = std::make_shared<environment>();
        {
            VECSTORE_TRY(const auto number, number_of(spare));
            const lock_guard registering(process_registry().mutex);
            process_registry().open[number] = copy;
        }
        if (auto moved = now->env->move_to(*copy, path_, spare); !moved) {
            // The first error is the one that matters. What could not be put back is left where it is.
            if (now->env->stays_at(path_)) (void)files.remove_all(spare);
            return moved;
        }
        VECSTORE_TRY(auto tables, copy->open_tables(names_));
        current_.publish({std::move(copy), std::move(tables)});
        return files.remove_all(spare);
    }
    void tidy() override { current_.pin()->env->drop_dead_readers(); }

private:
    [[nodiscard]] result<snapshot<generation>> newest() {
        auto now = current_.pin();
        if (!now->env->may_have_moved()) return now;
        const lock_guard lock(moving_);
        now = current_.pin();
        if (!now->env->may_have_moved()) return now;
        if (now->env->stays_at(path_)) return now;
        VECSTORE_TRY(auto env, shared_environment(path_, options_));
        VECSTORE_TRY(auto tables, env->open_tables(names_));
        current_.publish({std::move(env), std::move(tables)});
        return current_.pin();
    }

    const std::string path_;
    const std::vector<std::string> names_;
    const lmdb_options options_;
    vecstore::mutex moving_;
    published<generation> current_;  ///< published under `moving_`
};

}  // namespace

result<std::unique_ptr<table_store>> open_lmdb(const std::string& path, const std::vector<std::string>& names,
                                               const lmdb_options& options) {
    if (names.size() > lmdb_tables_max) return invalid_argument("names: more than 256 tables");
    if (!options.read_only) VECSTORE_CHECK(posix_file_system().create_directories(path));
    VECSTORE_TRY(auto shared, shared_environment(path, options));
    auto tables = shared->open_tables(names);
    if (!tables) {
        const lock_guard lock(process_registry().mutex);
        shared.reset();
        return std::move(tables).error();
    }
    return std::unique_ptr<table_store>(
        std::make_unique<lmdb_store>(path, names, options, generation{std::move(shared), *std::move(tables)}));
}

}  // namespace vecstore::storage
