#include <vecstore/core/mutex.hpp>
#include <vecstore/core/random.hpp>
#include <vecstore/storage/memory_file_system.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

namespace vecstore::storage {
namespace {

/// A file's contents, and what a crash would bring back: the durable bytes of every sector changed since the last sync.
/// Sectors behind the durable size are not noted: all of them are un-synced and were zero.
struct node {
    std::shared_ptr<byte_vector> contents = std::make_shared<byte_vector>();
    std::map<std::uint64_t, byte_vector> durable_sectors;  ///< sector number -> bytes at the last sync (may be short)
    std::uint64_t durable_size = 0;
    std::uint64_t reserved = 0;  ///< of the capacity, beyond or below the contents

    [[nodiscard]] std::uint64_t occupied() const noexcept {
        return std::max<std::uint64_t>(contents->size(), reserved);
    }

    /// Notes the sectors of [from, to) before they change, and makes the contents ours alone.
    void before_change(std::uint64_t from, std::uint64_t to) {
        if (contents.use_count() > 1) contents = std::make_shared<byte_vector>(*contents);
        const auto end = std::min(to, durable_size);
        for (auto sector = from / memory_sector_bytes; sector * memory_sector_bytes < end; ++sector) {
            if (durable_sectors.count(sector) != 0) continue;
            const auto first = sector * memory_sector_bytes;
            const auto last = std::min({first + memory_sector_bytes, durable_size, std::uint64_t{contents->size()}});
            byte_vector old;
            if (first < last)
                old.assign(contents->begin() + static_cast<std::ptrdiff_t>(first),
                           contents->begin() + static_cast<std::ptrdiff_t>(last));
            durable_sectors.emplace(sector, std::move(old));
        }
    }

    void resize(std::uint64_t bytes) {
        before_change(std::min<std::uint64_t>(bytes, contents->size()),
                      std::max<std::uint64_t>(bytes, contents->size()));
        contents->resize(static_cast<std::size_t>(bytes));
    }

    void sync() {
        durable_sectors.clear();
        durable_size = contents->size();
    }

    /// The node after a crash. Bytes that no crash can change are shared.
    [[nodiscard]] std::shared_ptr<node> survivor(unsynced rest, random_source& random) const {
        auto left = std::make_shared<node>();
        left->contents = contents;
        const bool all_synced = durable_sectors.empty() && contents->size() == durable_size;
        if (!all_synced && rest != unsynced::kept) {
            left->contents = std::make_shared<byte_vector>(*contents);
            const auto drops = [&] { return rest == unsynced::lost || random.below(2) == 0; };
            drop_sectors(*left->contents, drops);
        }
        left->sync();
        left->reserved = reserved;
        return left;
    }

private:
    template <class Drops>
    void drop_sectors(byte_vector& bytes, const Drops& drops) const {
        if (bytes.size() != durable_size && drops()) bytes.resize(static_cast<std::size_t>(durable_size));
        for (const auto& [sector, old] : durable_sectors) {
            const auto first = sector * memory_sector_bytes;
            if (first >= bytes.size() || !drops()) continue;
            const auto room =
                std::min<std::size_t>(memory_sector_bytes, bytes.size() - static_cast<std::size_t>(first));
            std::memset(bytes.data() + first, 0, room);
            if (!old.empty()) std::memcpy(bytes.data() + first, old.data(), std::min(room, old.size()));
        }
        const auto sector_of_end = (durable_size + memory_sector_bytes - 1) / memory_sector_bytes;
        for (auto first = sector_of_end * memory_sector_bytes; first < bytes.size(); first += memory_sector_bytes)
            if (drops())
                std::memset(bytes.data() + first, 0,
                            std::min<std::size_t>(memory_sector_bytes, bytes.size() - static_cast<std::size_t>(first)));
    }
};

/// One change of a name; a rename is one change, so that it happens as a whole or not at all.
struct name_change {
    std::string removed;           ///< empty: none
    std::string added;             ///< empty: none
    std::shared_ptr<node> target;  ///< of `added`
};

using name_map = std::map<std::string, std::shared_ptr<node>>;

void carry_out(name_map& names, const name_change& change) {
    if (!change.removed.empty()) names.erase(change.removed);
    if (!change.added.empty()) names[change.added] = change.target;
}

error no_such(const std::string& path) { return {errc::not_found, "no such file or directory", path, 0}; }

}  // namespace

struct memory_file_system::state {
    mutable vecstore::mutex mutex;
    name_map names VECSTORE_GUARDED_BY(mutex);
    name_map durable_names VECSTORE_GUARDED_BY(mutex);
    std::vector<name_change> changes VECSTORE_GUARDED_BY(mutex);  ///< not yet in durable_names
    std::set<std::string> directories VECSTORE_GUARDED_BY(mutex);
    std::map<std::string, std::uint64_t> locks VECSTORE_GUARDED_BY(mutex);  ///< path -> number of the holder
    std::uint64_t next_lock VECSTORE_GUARDED_BY(mutex) = 1;
    std::uint64_t capacity VECSTORE_GUARDED_BY(mutex) = ~std::uint64_t{0};

    /// Whether `target` may grow to `bytes`.
    [[nodiscard]] result<void> check_room(const node& target, std::uint64_t bytes, const std::string& path) const
        VECSTORE_REQUIRES(mutex) {
        if (capacity == ~std::uint64_t{0} || bytes <= target.occupied()) return {};
        std::set<const node*> counted{&target};
        auto sum = bytes;
        for (const auto& [name, each] : names)
            if (counted.insert(each.get()).second) sum += each->occupied();
        if (sum <= capacity) return {};
        return error{errc::resource_exhausted, "the disk in memory is full", path, 0};
    }

    void change(name_change made) VECSTORE_REQUIRES(mutex) {
        carry_out(names, made);
        changes.push_back(std::move(made));
    }
    /// The names and files that a crash leaves.
    [[nodiscard]] name_map survivors(unsynced rest, std::uint64_t seed) const VECSTORE_REQUIRES(mutex);
    [[nodiscard]] bool is_directory(const std::string& path) const VECSTORE_REQUIRES(mutex) {
        return path == "." || path == "/" || directories.count(path) != 0;
    }
    [[nodiscard]] std::shared_ptr<node> find(const std::string& path) const VECSTORE_REQUIRES(mutex) {
        const auto found = names.find(path);
        return found == names.end() ? nullptr : found->second;
    }
};

namespace {

class memory_file final : public file {
public:
    memory_file(std::shared_ptr<memory_file_system::state> state, std::shared_ptr<node> target, std::string path,
                bool writable)
        : state_(std::move(state)), node_(std::move(target)), path_(std::move(path)), writable_(writable) {}

    result<void> write_at(std::uint64_t offset, byte_span bytes) override {
        VECSTORE_CHECK(check_writable());
        if (bytes.empty()) return {};
        const lock_guard lock(state_->mutex);
        VECSTORE_CHECK(state_->check_room(*node_, offset + bytes.size(), path_));
        if (offset > node_->contents->size()) node_->resize(offset);
        node_->before_change(offset, offset + bytes.size());
        auto& contents = *node_->contents;
        if (offset + bytes.size() > contents.size()) contents.resize(static_cast<std::size_t>(offset) + bytes.size());
        std::memcpy(contents.data() + offset, bytes.data(), bytes.size());
        return {};
    }
    result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
        const lock_guard lock(state_->mutex);
        const auto& contents = *node_->contents;
        if (offset >= contents.size()) return std::size_t{0};
        const auto count = std::min(into.size(), contents.size() - static_cast<std::size_t>(offset));
        if (count != 0) std::memcpy(into.data(), contents.data() + offset, count);
        return count;
    }
    result<void> sync() override {
        const lock_guard lock(state_->mutex);
        node_->sync();
        return {};
    }
    [[nodiscard]] result<std::uint64_t> size() const override {
        const lock_guard lock(state_->mutex);
        return std::uint64_t{node_->contents->size()};
    }
    result<void> truncate(std::uint64_t bytes) override {
        VECSTORE_CHECK(check_writable());
        const lock_guard lock(state_->mutex);
        VECSTORE_CHECK(state_->check_room(*node_, bytes, path_));
        node_->resize(bytes);
        return {};
    }
    result<void> allocate(std::uint64_t bytes) override {
        VECSTORE_CHECK(check_writable());
        const lock_guard lock(state_->mutex);
        VECSTORE_CHECK(state_->check_room(*node_, bytes, path_));
        if (bytes > node_->contents->size()) node_->resize(bytes);
        return {};
    }
    result<void> reserve(std::uint64_t bytes) override {
        VECSTORE_CHECK(check_writable());
        const lock_guard lock(state_->mutex);
        VECSTORE_CHECK(state_->check_room(*node_, bytes, path_));
        node_->reserved = std::max(node_->reserved, bytes);
        return {};
    }
    [[nodiscard]] const std::string& path() const noexcept override { return path_; }

private:
    [[nodiscard]] result<void> check_writable() const {
        if (!writable_) return error{errc::io, "write: opened for reading", path_, 0};
        return {};
    }
    std::shared_ptr<memory_file_system::state> state_;
    std::shared_ptr<node> node_;
    std::string path_;
    bool writable_;
};

class memory_mapping final : public mapping {
public:
    explicit memory_mapping(std::shared_ptr<const byte_vector> contents) : contents_(std::move(contents)) {}
    [[nodiscard]] byte_span bytes() const noexcept override { return *contents_; }

private:
    std::shared_ptr<const byte_vector> contents_;
};

class memory_lock final : public file_lock {
public:
    memory_lock(std::shared_ptr<memory_file_system::state> state, std::string path, std::uint64_t number)
        : state_(std::move(state)), path_(std::move(path)), number_(number) {}
    ~memory_lock() override {
        const lock_guard lock(state_->mutex);
        const auto held = state_->locks.find(path_);
        if (held != state_->locks.end() && held->second == number_) state_->locks.erase(held);
    }

private:
    std::shared_ptr<memory_file_system::state> state_;
    std::string path_;
    std::uint64_t number_;
};

}  // namespace

memory_file_system::memory_file_system() : state_(std::make_shared<state>()) {}
memory_file_system::~memory_file_system() = default;

result<std::unique_ptr<file>> memory_file_system::open(const std::string& path, open_mode mode) {
    const lock_guard lock(state_->mutex);
    auto target = state_->find(path);
    if (target && mode == open_mode::create_new) return error{errc::already_exists, "file exists", path, 0};
    if (!target) {
        if (mode == open_mode::read || mode == open_mode::read_write) return no_such(path);
        if (state_->is_directory(path)) return error{errc::io, "open: is a directory", path, 0};
        if (!state_->is_directory(parent_directory(path))) return no_such(path);
        target = std::make_shared<node>();
        state_->change({{}, path, target});
    }
    return std::unique_ptr<file>(
        std::make_unique<memory_file>(state_, std::move(target), path, mode != open_mode::read));
}

result<std::shared_ptr<const mapping>> memory_file_system::map(const std::string& path) {
    const lock_guard lock(state_->mutex);
    const auto target = state_->find(path);
    if (!target) return no_such(path);
    return std::shared_ptr<const mapping>(std::make_shared<memory_mapping>(target->contents));
}

result<void> memory_file_system::rename(const std::string& from, const std::string& to) {
    const lock_guard lock(state_->mutex);
    auto target = state_->find(from);
    if (!target) {
        if (state_->directories.count(from) == 0 || state_->find(to)) return no_such(from);
        // A directory: every name below moves. Modelled as durable at once, as directories are.
        const auto move_below = [&](const std::string& name) {
            return name == from || name.rfind(from + "/", 0) == 0 ? to + name.substr(from.size()) : name;
        };
        std::set<std::string> directories;
        for (const auto& name : state_->directories) directories.insert(move_below(name));
        name_map names;
        for (const auto& [name, kept] : state_->names) names.emplace(move_below(name), kept);
        name_map durable_names;
        for (const auto& [name, kept] : state_->durable_names) durable_names.emplace(move_below(name), kept);
        for (auto& change : state_->changes) {
            change.removed = move_below(change.removed);
            change.added = move_below(change.added);
        }
        state_->directories = std::move(directories);
        state_->names = std::move(names);
        state_->durable_names = std::move(durable_names);
        return {};
    }
    if (!state_->is_directory(parent_directory(to))) return no_such(to);
    state_->change({from, to, std::move(target)});
    return {};
}

result<void> memory_file_system::link(const std::string& from, const std::string& to) {
    const lock_guard lock(state_->mutex);
    auto target = state_->find(from);
    if (!target) return no_such(from);
    if (state_->find(to)) return error{errc::already_exists, "file exists", to, 0};
    if (!state_->is_directory(parent_directory(to))) return no_such(to);
    state_->change({{}, to, std::move(target)});
    return {};
}

result<void> memory_file_system::remove(const std::string& path) {
    const lock_guard lock(state_->mutex);
    if (state_->find(path)) {
        state_->change({path, {}, nullptr});
        return {};
    }
    if (state_->directories.count(path) == 0) return no_such(path);
    const auto below = path + "/";
    const auto name = state_->names.lower_bound(below);
    const auto directory = state_->directories.lower_bound(below);
    if ((name != state_->names.end() && name->first.rfind(below, 0) == 0) ||
        (directory != state_->directories.end() && directory->rfind(below, 0) == 0))
        return error{errc::already_exists, "remove: directory not empty", path, 0};
    state_->directories.erase(path);
    return {};
}

result<void> memory_file_system::remove_all(const std::string& path) {
    const lock_guard lock(state_->mutex);
    const auto below = path + "/";
    std::vector<std::string> doomed;
    for (const auto& [name, kept] : state_->names)
        if (name == path || name.rfind(below, 0) == 0) doomed.push_back(name);
    for (const auto& name : doomed) state_->change({name, {}, nullptr});
    for (auto at = state_->directories.begin(); at != state_->directories.end();)
        at = *at == path || at->rfind(below, 0) == 0 ? state_->directories.erase(at) : std::next(at);
    return {};
}

result<void> memory_file_system::create_directories(const std::string& path) {
    const lock_guard lock(state_->mutex);
    for (auto at = path; !state_->is_directory(at); at = parent_directory(at)) {
        if (state_->find(at)) return error{errc::already_exists, "mkdir: a file has this name", at, 0};
        state_->directories.insert(at);
    }
    return {};
}

result<void> memory_file_system::sync_directory(const std::string& path) {
    const lock_guard lock(state_->mutex);
    if (!state_->is_directory(path)) return no_such(path);
    // A rename across directories becomes durable with either; the model asks for no more than callers are told.
    std::vector<name_change> rest;
    for (auto& change : state_->changes) {
        const bool here = (!change.added.empty() && parent_directory(change.added) == path) ||
                          (!change.removed.empty() && parent_directory(change.removed) == path);
        if (here)
            carry_out(state_->durable_names, change);
        else
            rest.push_back(std::move(change));
    }
    state_->changes = std::move(rest);
    return {};
}

result<std::vector<std::string>> memory_file_system::list(const std::string& path) {
    const lock_guard lock(state_->mutex);
    if (!state_->is_directory(path)) return no_such(path);
    std::vector<std::string> names;
    const auto add = [&](const std::string& full) {
        if (parent_directory(full) == path && full != path) names.push_back(full.substr(full.rfind('/') + 1));
    };
    for (const auto& [name, kept] : state_->names) add(name);
    for (const auto& name : state_->directories) add(name);
    std::sort(names.begin(), names.end());
    return names;
}

bool memory_file_system::exists(const std::string& path) {
    const lock_guard lock(state_->mutex);
    return state_->is_directory(path) || state_->find(path) != nullptr;
}

result<std::uint64_t> memory_file_system::file_size(const std::string& path) {
    const lock_guard lock(state_->mutex);
    const auto target = state_->find(path);
    if (!target) return no_such(path);
    return std::uint64_t{target->contents->size()};
}

result<std::unique_ptr<file_lock>> memory_file_system::lock(const std::string& path) {
    const lock_guard lock(state_->mutex);
    if (!state_->find(path)) {
        if (!state_->is_directory(parent_directory(path))) return no_such(path);
        state_->change({{}, path, std::make_shared<node>()});
    }
    if (state_->locks.count(path) != 0) return error{errc::unavailable, "locked in this process", path, 0};
    const auto number = state_->next_lock++;
    state_->locks.emplace(path, number);
    return std::unique_ptr<file_lock>(std::make_unique<memory_lock>(state_, path, number));
}

name_map memory_file_system::state::survivors(unsynced rest, std::uint64_t seed) const {
    random_source random(seed);
    auto left = durable_names;
    for (const auto& change : changes)
        if (rest == unsynced::kept || (rest == unsynced::mixed && random.below(2) == 0)) carry_out(left, change);
    std::map<const node*, std::shared_ptr<node>> nodes;  // a node with two names stays one node
    for (auto& [name, target] : left) {
        auto& survivor = nodes[target.get()];
        if (!survivor) survivor = target->survivor(rest, random);
        target = survivor;
    }
    return left;
}

void memory_file_system::crash(std::uint64_t seed) {
    const lock_guard lock(state_->mutex);
    auto names = state_->survivors(unsynced::mixed, seed);
    state_->names = names;
    state_->durable_names = std::move(names);
    state_->changes.clear();
    state_->locks.clear();
}

std::unique_ptr<memory_file_system> memory_file_system::after_crash(unsynced rest, std::uint64_t seed) const {
    auto left = std::make_unique<memory_file_system>();
    const lock_guard lock(state_->mutex);
    const lock_guard lock_of_new(left->state_->mutex);
    left->state_->names = state_->survivors(rest, seed);
    left->state_->durable_names = left->state_->names;
    left->state_->directories = state_->directories;
    return left;
}

void memory_file_system::set_capacity(std::uint64_t bytes) {
    const lock_guard lock(state_->mutex);
    state_->capacity = bytes;
}

std::uint64_t memory_file_system::bytes() const {
    const lock_guard lock(state_->mutex);
    std::set<const node*> counted;
    std::uint64_t sum = 0;
    for (const auto& [name, target] : state_->names)
        if (counted.insert(target.get()).second) sum += target->contents->size();
    return sum;
}

}  // namespace vecstore::storage
