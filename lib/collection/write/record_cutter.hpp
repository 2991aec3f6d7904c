/// Cuts a write into records of about 1 MiB, each with head, count, its items and tail.
/// Thread safety: belongs to one thread.
#pragma once

#include "operation.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/wal/record_cipher.hpp>

#include <utility>
#include <vector>

namespace vecstore::detail {

class record_cutter {
public:
    record_cutter(wal::record_type type, byte_vector head, byte_vector tail = {})
        : type_(type), head_(std::move(head)), tail_(std::move(tail)) {}

    /// The buffer for the next item; starts a new record when the current one is full.
    byte_writer& next_item() {
        if (count_ > 0 && body_.size() >= record_bytes_target) cut();
        if (count_ == 0) {
            body_.put_bytes(head_);
            count_at_ = body_.size();
            body_.put(std::uint32_t{0});
        }
        ++count_;
        return body_;
    }
    /// Errors: invalid_argument (a record or the whole write is above its limit).
    result<std::vector<operation>> finish() && {
        if (count_ > 0) cut();
        std::size_t bytes = 0;
        for (const auto& record : records_) {
            // What encrypting adds must fit, too; and what can be written shall not depend on it.
            if (record.payload.size() + wal::sealed_payload_extra > record_bytes_max)
                return invalid_argument("one record of " + std::to_string(record.payload.size()) +
                                        " bytes is above the limit of " +
                                        std::to_string(record_bytes_max - wal::sealed_payload_extra));
            bytes += record.payload.size();
        }
        if (bytes > write_bytes_max)
            return invalid_argument("a write of " + std::to_string(bytes) + " bytes is above the limit of " +
                                    std::to_string(write_bytes_max) + "; cut it into smaller batches");
        return std::move(records_);
    }

private:
    static constexpr std::size_t record_bytes_target = 1u << 20;

    void cut() {
        body_.patch(count_at_, count_);
        body_.put_bytes(tail_);
        records_.push_back({type_, std::move(body_).take()});
        body_ = {};
        count_ = 0;
    }

    wal::record_type type_;
    byte_vector head_;
    byte_vector tail_;
    byte_writer body_;
    std::size_t count_at_ = 0;
    std::uint32_t count_ = 0;
    std::vector<operation> records_;
};

}  // namespace vecstore::detail
