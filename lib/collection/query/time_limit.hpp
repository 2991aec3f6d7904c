/// The time that a question has, and what becomes of its answer when it is up. A question is what has `timeout_ms`, `stop` and
/// `allow_partial`.
/// Thread safety: belongs to one thread, as the session does.
#pragma once

#include <collection/port.hpp>
#include <collection/reader.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace vecstore::detail {

/// While it lives, the session's reads end when the query's time is up or it is stopped.
class time_limit {
public:
    /// `begin_ms`: on the port's steady clock, when the call began; not used by queries without a timeout.
    template <class Question>
    time_limit(read_session& session, const collection_access& access, const Question& q, std::uint64_t begin_ms)
        : session_(session), allow_partial_(q.allow_partial) {
        if (!limits(q)) return;
        const auto end = q.timeout_ms == 0 ? 0 : begin_ms + std::min(q.timeout_ms, ~std::uint64_t{0} - begin_ms);
        reason_.emplace(
            end, [port = access.database.get()] { return port->steady_ms(); }, q.stop);
        session_.interrupt_for(&*reason_);
    }
    time_limit(const time_limit&) = delete;
    time_limit& operator=(const time_limit&) = delete;
    ~time_limit() { session_.interrupt_for(nullptr); }

    /// True when a question has one.
    template <class Question>
    [[nodiscard]] static bool limits(const Question& q) noexcept {
        return q.timeout_ms != 0 || q.stop.stop_possible();
    }

    /// When a call begins: `begin_ms`.
    template <class Question>
    [[nodiscard]] static std::uint64_t now(const collection_access& access, const Question& q) {
        return q.timeout_ms != 0 ? access.database->steady_ms() : 0;
    }

    /// When the answer was interrupted: marks it, or gives the error in place of it.
    template <class Answer>
    [[nodiscard]] result<void> finish(Answer& answer) const {
        if (!reason_ || !reason_->reason()) return {};
        if (!allow_partial_) return error{*reason_->reason(), reason_->what()};
        answer.partial = true;
        answer.missing = reason_->what();
        return {};
    }

private:
    read_session& session_;
    std::optional<interruption> reason_;
    bool allow_partial_;
};

/// While it lives, the session's reads go on to their end.
class uninterrupted {
public:
    explicit uninterrupted(read_session& session) noexcept
        : session_(session), before_(session.interrupt_for(nullptr)) {}
    uninterrupted(const uninterrupted&) = delete;
    uninterrupted& operator=(const uninterrupted&) = delete;
    ~uninterrupted() { session_.interrupt_for(before_); }

private:
    read_session& session_;
    interruption* before_;
};

}  // namespace vecstore::detail
