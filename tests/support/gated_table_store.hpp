/// Tables that outlive the database using them: each "process" gets a gate of its own over the same tables, and closing
/// the gate plays the death of that process: nothing it does later reaches the tables. Commits can also be made to
/// fail.
/// Thread safety: as the store inside; the plan must be set while nothing runs.
#pragma once

#include <vecstore/storage/table_store.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace vecstore::test {

class gated_table_store final : public storage::table_store {
public:
    explicit gated_table_store(std::shared_ptr<storage::table_store> inner) : inner_(std::move(inner)) {}

    void close() noexcept { closed_ = true; }
    /// The commit with this number, from 1, fails; 0: none.
    void fail_commit(std::uint64_t number, errc code) noexcept {
        fail_at_ = number;
        code_ = code;
    }

    [[nodiscard]] std::uint64_t commits() const noexcept { return commits_; }
    /// Called before each commit.
    void before_commit(std::function<void()> call) { before_commit_ = std::move(call); }

    result<std::unique_ptr<storage::table_reader>> read() override { return inner_->read(); }
    result<std::unique_ptr<storage::table_writer>> write() override {
        if (closed_) return error{errc::io, "the process is dead", "tables", 0};
        VECSTORE_TRY(auto opened, inner_->write());
        return std::unique_ptr<storage::table_writer>(std::make_unique<writer>(*this, std::move(opened)));
    }
    result<std::uint64_t> size_bytes() override { return inner_->size_bytes(); }

private:
    class writer final : public storage::table_writer {
    public:
        writer(gated_table_store& store, std::unique_ptr<storage::table_writer> inner)
            : store_(store), inner_(std::move(inner)) {}
        result<void> put(storage::table_id table, byte_span key, byte_span value) override {
            return inner_->put(table, key, value);
        }
        result<void> erase(storage::table_id table, byte_span key) override { return inner_->erase(table, key); }
        result<void> erase_range(storage::table_id table, byte_span first, byte_span last) override {
            return inner_->erase_range(table, first, last);
        }
        result<std::optional<byte_span>> get(storage::table_id table, byte_span key) override {
            return inner_->get(table, key);
        }
        result<void> commit() override {
            if (store_.closed_) return error{errc::io, "the process is dead", "tables", 0};
            if (store_.before_commit_) store_.before_commit_();
            if (++store_.commits_ == store_.fail_at_) return error{store_.code_, "injected fault: commit", "tables", 0};
            return inner_->commit();
        }

    private:
        gated_table_store& store_;
        std::unique_ptr<storage::table_writer> inner_;
    };

    std::shared_ptr<storage::table_store> inner_;
    std::atomic<bool> closed_{false};
    std::uint64_t commits_ = 0;
    std::uint64_t fail_at_ = 0;
    errc code_ = errc::io;
    std::function<void()> before_commit_;
};

}  // namespace vecstore::test
