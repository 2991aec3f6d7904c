/// Fails operations of another file system on purpose. Every mutating operation (open that may create, write, sync,
/// truncate, allocate, rename, link, remove, create_directories, sync_directory) has a number, from 1; a test first
/// counts them in a run without faults, then fails each in turn. Reads (read_at, map, list, file_size) are counted apart.
/// Thread safety: as the file system inside; the plan must be set while nothing runs.
#pragma once

#include <vecstore/storage/file_system.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>

namespace vecstore::test {

/// What goes wrong, and when.
struct fault_plan {
    std::uint64_t fail_at = 0;  ///< number of the operation that fails; 0: none
    bool stays_broken = false;  ///< all later ones fail too
    errc code = errc::io;       ///< resource_exhausted plays a full disk
    double torn_fraction = 0;   ///< a write that fails leaves this part of its bytes in the file
    std::uint64_t bytes_max = std::numeric_limits<std::uint64_t>::max();  ///< disk full when more were written in all
    bool fail_syncs = false;                                              ///< every file sync fails
    bool lying_syncs = false;        ///< syncs of the log say that they were done, and do nothing
    std::uint64_t fail_read_at = 0;  ///< number of the read that fails; 0: none
    /// Called before each operation that is counted.
    std::function<void(const char* operation, const std::string& path)> before = {};
};

class fault_file_system final : public storage::file_system {
public:
    explicit fault_file_system(storage::file_system& inner) : inner_(inner), state_(std::make_shared<state>()) {}

    void plan(const fault_plan& faults) {
        state_->plan = faults;
        state_->operations = 0;
        state_->reads = 0;
        state_->bytes = 0;
    }
    /// Mutating operations since the plan was set.
    [[nodiscard]] std::uint64_t operations() const { return state_->operations; }

    /// Reads since the plan was set.
    [[nodiscard]] std::uint64_t reads() const { return state_->reads; }

    result<std::unique_ptr<storage::file>> open(const std::string& path, storage::open_mode mode) override {
        if (mode == storage::open_mode::create || mode == storage::open_mode::create_new)
            VECSTORE_CHECK(state_->step("open", path));
        VECSTORE_TRY(auto opened, inner_.open(path, mode));
        return std::unique_ptr<storage::file>(std::make_unique<fault_file>(state_, std::move(opened)));
    }
    result<std::shared_ptr<const storage::mapping>> map(const std::string& path) override {
        VECSTORE_CHECK(state_->read("map", path));
        return inner_.map(path);
    }
    result<void> rename(const std::string& from, const std::string& to) override {
        VECSTORE_CHECK(state_->step("rename", from));
        return inner_.rename(from, to);
    }
    result<void> link(const std::string& from, const std::string& to) override {
        VECSTORE_CHECK(state_->step("link", from));
        return inner_.link(from, to);
    }
    result<void> remove(const std::string& path) override {
        VECSTORE_CHECK(state_->step("remove", path));
        return inner_.remove(path);
    }
    result<void> remove_all(const std::string& path) override {
        VECSTORE_CHECK(state_->step("remove_all", path));
        return inner_.remove_all(path);
    }
    result<void> create_directories(const std::string& path) override {
        VECSTORE_CHECK(state_->step("mkdir", path));
        return inner_.create_directories(path);
    }
    result<void> sync_directory(const std::string& path) override {
        VECSTORE_CHECK(state_->step("sync_directory", path));
        return inner_.sync_directory(path);
    }
    result<std::vector<std::string>> list(const std::string& path) override {
        VECSTORE_CHECK(state_->read("list", path));
        return inner_.list(path);
    }
    [[nodiscard]] bool exists(const std::string& path) override { return inner_.exists(path); }
    result<std::uint64_t> file_size(const std::string& path) override {
        VECSTORE_CHECK(state_->read("file_size", path));
        return inner_.file_size(path);
    }
    result<std::unique_ptr<storage::file_lock>> lock(const std::string& path) override { return inner_.lock(path); }

private:
    struct state {
        fault_plan plan;
        std::atomic<std::uint64_t> operations{0};
        std::atomic<std::uint64_t> reads{0};
        std::atomic<std::uint64_t> bytes{0};

        result<void> read(const char* operation, const std::string& path) {
            if (++reads == plan.fail_read_at)
                return error{plan.code, std::string("injected fault: ") + operation, path, 0};
            return {};
        }
        result<void> step(const char* operation, const std::string& path) {
            if (plan.before) plan.before(operation, path);
            const auto number = ++operations;
            if (plan.fail_at != 0 && (number == plan.fail_at || (plan.stays_broken && number > plan.fail_at)))
                return error{plan.code, std::string("injected fault: ") + operation, path, 0};
            return {};
        }
    };

    class fault_file final : public storage::file {
    public:
        fault_file(std::shared_ptr<state> shared, std::unique_ptr<storage::file> inner)
            : state_(std::move(shared)), inner_(std::move(inner)) {}

        result<void> write_at(std::uint64_t offset, byte_span bytes) override {
            if (auto ok = state_->step("write", path()); !ok) {
                const auto torn =
                    static_cast<std::size_t>(static_cast<double>(bytes.size()) * state_->plan.torn_fraction);
                if (torn != 0) VECSTORE_CHECK(inner_->write_at(offset, bytes.first(torn)));
                return ok;
            }
            VECSTORE_CHECK(take_room(bytes.size()));
            return inner_->write_at(offset, bytes);
        }
        result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
            VECSTORE_CHECK(state_->read("read", path()));
            return inner_->read_at(offset, into);
        }
        result<void> sync() override {
            VECSTORE_CHECK(state_->step("sync", path()));
            if (state_->plan.lying_syncs && path().ends_with(".wal")) return {};
            if (state_->plan.fail_syncs) return error{errc::io, "injected fault: sync", path(), 0};
            return inner_->sync();
        }
        [[nodiscard]] result<std::uint64_t> size() const override { return inner_->size(); }
        result<void> truncate(std::uint64_t bytes) override {
            VECSTORE_CHECK(state_->step("truncate", path()));
            return inner_->truncate(bytes);
        }
        result<void> allocate(std::uint64_t bytes) override {
            VECSTORE_CHECK(state_->step("allocate", path()));
            VECSTORE_TRY(const auto present, inner_->size());
            if (bytes > present) VECSTORE_CHECK(take_room(bytes - present));
            return inner_->allocate(bytes);
        }
        [[nodiscard]] const std::string& path() const noexcept override { return inner_->path(); }

    private:
        result<void> take_room(std::uint64_t bytes) {
            if (state_->bytes + bytes > state_->plan.bytes_max)
                return error{errc::resource_exhausted, "injected fault: disk full", path(), 0};
            state_->bytes += bytes;
            return {};
        }
        std::shared_ptr<state> state_;
        std::unique_ptr<storage::file> inner_;
    };

    storage::file_system& inner_;
    std::shared_ptr<state> state_;
};

}  // namespace vecstore::test
