#include "table_checks.hpp"

#include <vecstore/core/published.hpp>
#include <vecstore/storage/memory_table_store.hpp>

#include <algorithm>
#include <map>
#include <mutex>

namespace vecstore::storage {
namespace {

constexpr std::size_t chunk_entries_max = 128;

struct entry {
    byte_span key;
    byte_span value;
};

/// Sorted entries in one buffer. Immutable once made.
class chunk {
public:
    void reserve(std::size_t entries, std::size_t bytes) {
        places_.reserve(entries);
        bytes_.reserve(bytes);
    }
    void push_back(const entry& added) {
        const place at{bytes_.size(), static_cast<std::uint32_t>(added.key.size()),
                       static_cast<std::uint32_t>(added.value.size())};
        bytes_.insert(bytes_.end(), added.key.begin(), added.key.end());
        bytes_.insert(bytes_.end(), added.value.begin(), added.value.end());
        places_.push_back(at);
    }
    [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.size() + places_.size() * sizeof(place); }
    [[nodiscard]] byte_span key(std::size_t i) const noexcept {
        return byte_span(bytes_).subspan(places_[i].offset, places_[i].key_bytes);
    }
    [[nodiscard]] byte_span value(std::size_t i) const noexcept {
        return byte_span(bytes_).subspan(places_[i].offset + places_[i].key_bytes, places_[i].value_bytes);
    }
    /// First entry whose key is not less than `key`; size() when there is none.
    [[nodiscard]] std::size_t lower_bound(byte_span wanted) const noexcept {
        std::size_t low = 0;
        std::size_t high = size();
        while (low < high) {
            const auto middle = (low + high) / 2;
            if (detail::key_less(key(middle), wanted))
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

private:
    struct place {
        std::size_t offset;
        std::uint32_t key_bytes;
        std::uint32_t value_bytes;
    };
    std::vector<place> places_;
    byte_vector bytes_;
};

using chunk_list = std::vector<std::shared_ptr<const chunk>>;  ///< by key; no chunk is empty

/// Index of the chunk that holds `key` if any does: the last whose first key is <= `key`; 0 for smaller keys.
std::size_t chunk_for(const chunk_list& chunks, byte_span key) noexcept {
    const auto behind = std::partition_point(chunks.begin(), chunks.end(),
                                             [&](const auto& each) { return !detail::key_less(key, each->key(0)); });
    return behind == chunks.begin() ? 0 : static_cast<std::size_t>(behind - chunks.begin()) - 1;
}

std::optional<byte_span> find(const chunk_list& chunks, byte_span key) noexcept {
    if (chunks.empty()) return std::nullopt;
    const auto& within = *chunks[chunk_for(chunks, key)];
    const auto i = within.lower_bound(key);
    if (i == within.size() || detail::key_less(key, within.key(i))) return std::nullopt;
    return within.value(i);
}

using snapshot = std::vector<std::shared_ptr<const chunk_list>>;  ///< by table

struct key_order {
    using is_transparent = void;
    bool operator()(byte_span a, byte_span b) const noexcept { return detail::key_less(a, b); }
};
/// A writer's changes to one table; no value means erased.
using overlay = std::map<byte_vector, std::optional<byte_vector>, key_order>;

/// Cuts the merged entries into chunks of equal size, at most `chunk_entries_max` each.
void emit(const std::vector<entry>& entries, chunk_list& out) {
    if (entries.empty()) return;
    const auto pieces = (entries.size() + chunk_entries_max - 1) / chunk_entries_max;
    for (std::size_t piece = 0; piece < pieces; ++piece) {
        const auto first = entries.size() * piece / pieces;
        const auto last = entries.size() * (piece + 1) / pieces;
        std::size_t bytes = 0;
        for (auto i = first; i < last; ++i) bytes += entries[i].key.size() + entries[i].value.size();
        auto made = std::make_shared<chunk>();
        made->reserve(last - first, bytes);
        for (auto i = first; i < last; ++i) made->push_back(entries[i]);
        out.push_back(std::move(made));
    }
}

/// The chunks after the changes; untouched chunks are shared with `base`. A chunk that a merge leaves small takes its
/// successor in, so that erasing does not leave a trail of tiny chunks.
chunk_list merge(const chunk_list& base, const overlay& changes) {
    chunk_list out;
    out.reserve(base.size() + changes.size() / chunk_entries_max + 1);
    std::vector<entry> pending;
    auto change = changes.begin();
    const auto take_change = [&] {
        if (change->second) pending.push_back({change->first, *change->second});
        ++change;
    };
    for (std::size_t i = 0; i < base.size(); ++i) {
        const auto& old = *base[i];
        const bool is_last = i + 1 == base.size();
        const auto belongs = [&] {
            return change != changes.end() && (is_last || detail::key_less(change->first, base[i + 1]->key(0)));
        };
        if (!belongs() && (pending.empty() || pending.size() >= chunk_entries_max / 4)) {
            emit(pending, out);
            pending.clear();
            out.push_back(base[i]);
            continue;
        }
        for (std::size_t at = 0; at < old.size(); ++at) {
            while (belongs() && detail::key_less(change->first, old.key(at))) take_change();
            if (belongs() && !detail::key_less(old.key(at), change->first))
                take_change();
            else
                pending.push_back({old.key(at), old.value(at)});
        }
        while (belongs()) take_change();
        if (pending.size() < chunk_entries_max / 4) continue;
        emit(pending, out);
        pending.clear();
    }
    while (change != changes.end()) take_change();
    emit(pending, out);
    return out;
}

class memory_cursor final : public table_cursor {
public:
    explicit memory_cursor(std::shared_ptr<const chunk_list> chunks)
        : chunks_(std::move(chunks)), at_(chunks_->size()) {}

    result<void> seek(byte_span key) override {
        if (chunks_->empty()) return {};
        at_ = chunk_for(*chunks_, key);
        entry_ = (*chunks_)[at_]->lower_bound(key);
        step_over_end();
        return {};
    }
    result<void> next() override {
        ++entry_;
        step_over_end();
        return {};
    }
    [[nodiscard]] bool valid() const noexcept override { return at_ < chunks_->size(); }
    [[nodiscard]] byte_span key() const noexcept override { return (*chunks_)[at_]->key(entry_); }
    [[nodiscard]] byte_span value() const noexcept override { return (*chunks_)[at_]->value(entry_); }

private:
    void step_over_end() noexcept {
        if (entry_ < (*chunks_)[at_]->size()) return;
        ++at_;
        entry_ = 0;
    }
    std::shared_ptr<const chunk_list> chunks_;
    std::size_t at_;
    std::size_t entry_ = 0;
};

class memory_reader final : public table_reader {
public:
    explicit memory_reader(std::shared_ptr<const snapshot> tables) : tables_(std::move(tables)) {}

    [[nodiscard]] result<std::optional<byte_span>> get(table_id table, byte_span key) override {
        VECSTORE_CHECK(detail::check_key(table, tables_->size(), key));
        return find(*(*tables_)[table], key);
    }
    [[nodiscard]] result<std::unique_ptr<table_cursor>> cursor(table_id table) override {
        VECSTORE_CHECK(detail::check_table(table, tables_->size()));
        return std::unique_ptr<table_cursor>(std::make_unique<memory_cursor>((*tables_)[table]));
    }

private:
    std::shared_ptr<const snapshot> tables_;
};

class memory_store final : public table_store {
public:
    explicit memory_store(std::size_t count) {
        current_.publish(std::make_shared<snapshot>(count, std::make_shared<const chunk_list>()));
    }

    [[nodiscard]] result<std::unique_ptr<table_reader>> read() override {
        return std::unique_ptr<table_reader>(std::make_unique<memory_reader>(current()));
    }
    [[nodiscard]] result<std::unique_ptr<table_writer>> write() override;
    [[nodiscard]] result<std::uint64_t> size_bytes() override {
        std::uint64_t sum = 0;
        const auto tables = current();
        for (const auto& table : *tables)
            for (const auto& each : *table) sum += each->bytes();
        return sum;
    }

    [[nodiscard]] std::shared_ptr<const snapshot> current() const noexcept { return *current_.pin(); }
    void publish(std::shared_ptr<const snapshot> tables) { current_.publish(std::move(tables)); }
    [[nodiscard]] std::mutex& writing() noexcept { return writing_; }

private:
    published<std::shared_ptr<const snapshot>> current_;
    std::mutex writing_;  ///< held by the one writer for its life
};

class memory_writer final : public table_writer {
public:
    explicit memory_writer(memory_store& store)
        : store_(&store), lock_(store.writing()), base_(store.current()), changes_(base_->size()) {}

    result<void> put(table_id table, byte_span key, byte_span value) override {
        VECSTORE_CHECK(detail::check_key(table, base_->size(), key));
        VECSTORE_CHECK(detail::check_value(value));
        VECSTORE_CHECK(check_alive());
        set(table, key, byte_vector(value.begin(), value.end()));
        return {};
    }
    result<void> erase(table_id table, byte_span key) override {
        VECSTORE_CHECK(detail::check_key(table, base_->size(), key));
        VECSTORE_CHECK(check_alive());
        set(table, key, std::nullopt);
        return {};
    }
    result<void> erase_range(table_id table, byte_span first, byte_span last) override {
        VECSTORE_CHECK(detail::check_table(table, base_->size()));
        VECSTORE_CHECK(check_alive());
        if (!last.empty() && !detail::key_less(first, last)) return {};
        auto& changes = changes_[table];
        const auto end = last.empty() ? changes.end() : changes.lower_bound(last);
        changes.erase(changes.lower_bound(first), end);
        memory_cursor walk((*base_)[table]);
        VECSTORE_CHECK(walk.seek(first));
        while (walk.valid()) {
            if (!last.empty() && !detail::key_less(walk.key(), last)) break;
            set(table, walk.key(), std::nullopt);
            VECSTORE_CHECK(walk.next());
        }
        return {};
    }
    [[nodiscard]] result<std::optional<byte_span>> get(table_id table, byte_span key) override {
        VECSTORE_CHECK(detail::check_key(table, base_->size(), key));
        const auto changed = changes_[table].find(key);
        if (changed == changes_[table].end()) return find(*(*base_)[table], key);
        if (!changed->second) return std::optional<byte_span>{};
        return std::optional<byte_span>(*changed->second);
    }
    result<void> commit() override {
        VECSTORE_CHECK(check_alive());
        auto tables = std::make_shared<snapshot>(*base_);
        for (std::size_t i = 0; i < changes_.size(); ++i)
            if (!changes_[i].empty())
                (*tables)[i] = std::make_shared<const chunk_list>(merge(*(*base_)[i], changes_[i]));
        store_->publish(std::move(tables));
        changes_.assign(base_->size(), {});
        lock_.unlock();
        return {};
    }

private:
    [[nodiscard]] result<void> check_alive() const {
        if (!lock_.owns_lock()) return error{errc::unavailable, "the writer has ended"};
        return {};
    }
    void set(table_id table, byte_span key, std::optional<byte_vector> value) {
        auto& changes = changes_[table];
        const auto at = changes.lower_bound(key);
        if (at != changes.end() && !detail::key_less(key, at->first))
            at->second = std::move(value);
        else
            changes.emplace_hint(at, byte_vector(key.begin(), key.end()), std::move(value));
    }
    memory_store* store_;
    std::unique_lock<std::mutex> lock_;
    std::shared_ptr<const snapshot> base_;
    std::vector<overlay> changes_;
};

result<std::unique_ptr<table_writer>> memory_store::write() {
    return std::unique_ptr<table_writer>(std::make_unique<memory_writer>(*this));
}

}  // namespace

std::unique_ptr<table_store> make_memory_table_store(const std::vector<std::string>& names) {
    return std::make_unique<memory_store>(names.size());
}

}  // namespace vecstore::storage
