/// A log in memory that knows what of it would survive a crash.
#pragma once

#include <vecstore/core/random.hpp>

#include <replication/ports.hpp>

#include <functional>
#include <optional>
#include <vector>

namespace vecstore::sim {

class sim_log final : public replication::replica_log {
public:
    struct entry {
        std::uint64_t term = 0;
        std::uint32_t chain = 0;
        wal::record_type type = wal::record_type::pad;
        bool ends = true;                  ///< its batch
        std::uint64_t begin = 0, end = 0;  ///< in bytes_
        std::uint64_t content = 0;         ///< the first 8 bytes of its payload
    };
    struct hooks {
        std::function<void(std::uint64_t lsn)> appended;
        std::function<void(std::uint64_t id, std::uint64_t durable)> sync_started;
        std::function<void(std::uint64_t lsn)> cutting;
        std::function<bool()> dies_here;  ///< asked at each write boundary
        std::function<bool()> is_full;    ///< asked at each append
    };
    explicit sim_log(hooks with) : hooks_(std::move(with)) {}

    [[nodiscard]] replication::position last() const override { return *at(entries_.size()); }
    [[nodiscard]] std::uint64_t first_lsn() const override { return 1; }
    [[nodiscard]] std::optional<replication::position> at(std::uint64_t lsn) const override {
        if (lsn > entries_.size()) return std::nullopt;
        if (lsn == 0) return replication::position{};
        const auto& e = entries_[lsn - 1];
        return replication::position{e.term, lsn, e.chain};
    }
    result<void> append(std::span<const wal::record> records) override {
        if (hooks_.is_full()) return error{errc::resource_exhausted, "the disk is full"};
        for (const auto& record : records) {
            if (hooks_.dies_here() && !survivors_) survivors_ = entries_.size();
            add(record);
            hooks_.appended(entries_.size());
        }
        return {};
    }
    void start_sync(std::uint64_t id) override {
        if (hooks_.dies_here() && !survivors_) survivors_ = entries_.size();
        hooks_.sync_started(id, entries_.size());
    }
    result<void> cut(std::uint64_t lsn) override {
        hooks_.cutting(lsn);
        // Killed before: all is there. Killed behind: nothing is lost that was not cut.
        if (hooks_.dies_here() && !before_) before_ = image{entries_, bytes_, durable_};
        bytes_.resize(lsn == 0 ? 0 : entries_[lsn - 1].end);
        entries_.resize(lsn);
        durable_ = lsn;
        if (survivors_ && *survivors_ > lsn) survivors_ = lsn;
        return {};
    }
    [[nodiscard]] result<std::uint64_t> read(std::uint64_t from_lsn, std::size_t bytes_max,
                                             byte_writer& out) const override {
        auto upto = from_lsn;
        const auto begin = entries_[from_lsn - 1].begin;
        while (upto < entries_.size() && entries_[upto].end - begin <= bytes_max) ++upto;
        out.put_bytes(byte_span(bytes_).subspan(begin, entries_[upto - 1].end - begin));
        return upto;
    }

    /// A sync has ended well.
    void became_durable(std::uint64_t count) {
        if (count > durable_) durable_ = std::min<std::uint64_t>(count, entries_.size());
    }
    /// What is found after a crash: all that was durable, and some of what had been written behind it.
    void crash(random_source& random) {
        if (before_) {
            entries_ = std::move(before_->entries);
            bytes_ = std::move(before_->bytes);
            durable_ = before_->durable;
        }
        const auto most = std::max<std::uint64_t>(durable_, survivors_ ? *survivors_ : entries_.size());
        auto keep = durable_ + random.below(std::min<std::uint64_t>(most, entries_.size()) - durable_ + 1);
        while (keep > 0 && !entries_[keep - 1].ends) --keep;  // half a batch is a torn tail
        entries_.resize(keep);
        bytes_.resize(keep == 0 ? 0 : entries_[keep - 1].end);
        durable_ = keep;  // recovery syncs it
        survivors_.reset();
        before_.reset();
    }
    /// All durable: what a recovery has found.
    void restore(std::span<const byte_vector> records) {
        entries_.clear();
        bytes_.clear();
        survivors_.reset();
        before_.reset();
        for (const auto& bytes : records) add(*wal::decode_record(bytes, 0));
        durable_ = entries_.size();
    }
    [[nodiscard]] const std::vector<entry>& entries() const noexcept { return entries_; }
    [[nodiscard]] const entry& of(std::uint64_t lsn) const { return entries_[lsn - 1]; }
    [[nodiscard]] byte_span payload_of(std::uint64_t lsn) const {
        return wal::decode_record(byte_span(bytes_).subspan(of(lsn).begin), 0)->payload;
    }
    [[nodiscard]] std::uint64_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] std::uint64_t durable() const noexcept { return durable_; }

private:
    void add(wal::record record) {
        const auto before = last();
        record.lsn = before.lsn + 1;
        record.prev_chain = before.chain;
        entry e;
        e.begin = bytes_.size();
        e.term = record.term;
        e.chain = wal::encode_record(record, 0, bytes_);
        e.type = record.type;
        e.ends = !record.batch_continues();
        e.end = bytes_.size();
        if (record.payload.size() >= 8) e.content = load_le<std::uint64_t>(record.payload.data());
        entries_.push_back(e);
    }
    struct image {
        std::vector<entry> entries;
        byte_vector bytes;
        std::uint64_t durable = 0;
    };
    hooks hooks_;
    std::vector<entry> entries_;
    byte_vector bytes_;
    std::uint64_t durable_ = 0;
    std::optional<std::uint64_t> survivors_;  ///< records written before the node began to die
    std::optional<image> before_;             ///< the node died in a cut, before it
};

}  // namespace vecstore::sim
