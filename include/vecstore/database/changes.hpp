/// What happened to a database, in order, read from its log: for caches, indexes elsewhere, replicas of one's own.
/// A change is what one log record says, at most about 1 MiB of points; the records of one write follow each other.
/// Only what is durable and has been applied is given: a change that was seen once is never taken back.
/// The log is kept for a while only: behind the last checkpoint whole files of it go. `database_options::
/// log_retention_bytes` keeps more, and `database::keep_log_for` keeps what a named reader has not read yet.
#pragma once

#include <vecstore/collection/options.hpp>
#include <vecstore/collection/point.hpp>
#include <vecstore/core/result.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vecstore {

namespace detail {
class database_state;
}

/// A place between two changes: behind the record `lsn`. Small and plain, to be stored with what was made of the
/// changes. The default is the beginning of the log.
struct change_token {
    std::uint64_t lsn = 0;
    /// Hash over the log up to there. It tells another history with the same numbers, such as that of a database which
    /// was restored from a backup. 0 = do not compare.
    std::uint32_t chain = 0;

    friend bool operator==(const change_token&, const change_token&) = default;
};

/// "<lsn>-<chain in hexadecimal digits>".
[[nodiscard]] std::string to_string(const change_token& token);
/// Errors: invalid_argument.
[[nodiscard]] result<change_token> parse_change_token(std::string_view text);

enum class change_kind : std::uint8_t {
    upsert,             ///< `points`; changes of vectors alone give the whole points, too
    erase,              ///< `ids`
    set_payload,        ///< `ids`, `values`; at the path in `paths`, if there is one
    overwrite_payload,  ///< `ids`, `values`
    erase_payload,      ///< `ids`, `paths`
    clear_payload,      ///< `ids`
    create_collection,  ///< `options`
    drop_collection,
    update_aliases,  ///< `values`: what each alias means from now on, a collection's name or null; no `collection`
    annotate,        ///< `values`: {metadata, models: {vector: model}}, as they are from now on
};
[[nodiscard]] std::string_view to_string(change_kind kind) noexcept;

/// One change. What does not belong to its kind is empty.
struct change {
    change_token token = {};  ///< go on behind this one
    std::uint64_t lsn = 0;
    std::uint64_t term = 0;
    bool more_of_write = false;  ///< the next change belongs to the same write
    std::string collection = {};
    change_kind kind = change_kind::upsert;
    std::vector<point> points = {};  ///< as they are stored: unit length under cosine, rounded to the element type
    std::vector<point_id> ids = {};
    payload::document values = {};
    std::vector<std::string> paths = {};
    collection_options options = {};
};

/// A reader of changes, one after another.
/// Thread safety: one thread at a time; beside writers, which never wait for it.
/// Lifetime: keeps the database open in memory; after `database::close` it gives `unavailable`.
class change_feed {
public:
    /// The next change, or nothing when all have been given.
    /// Errors: not_found (the log begins later: the reader was too slow, and has to read the collections anew),
    ///         conflict (the token is of another history), corruption (path, offset), io, unavailable (closed).
    ///         After an error the feed gives that error for ever; open another one at `position`.
    /// Cost:   the bytes of one write are read and decoded, from memory of the operating system as a rule.
    [[nodiscard]] result<std::optional<change>> next();
    /// As `next`, but waits up to `timeout` for a change.
    [[nodiscard]] result<std::optional<change>> wait(std::chrono::milliseconds timeout);
    /// Behind what was given last.
    [[nodiscard]] change_token position() const noexcept;

    change_feed(change_feed&&) noexcept;
    change_feed& operator=(change_feed&&) noexcept;
    ~change_feed();

private:
    friend class database;
    struct reader;
    explicit change_feed(std::unique_ptr<reader> inner) noexcept;
    static result<change_feed> open(std::shared_ptr<detail::database_state> state, const change_token& after);
    std::unique_ptr<reader> reader_;
};

/// Gets each change; false ends the subscription.
using change_callback = std::function<bool(const change&)>;

/// Calls a function for each change, from a thread of its own. Writers do not wait for it: it reads the log behind
/// them, the changes of one write in memory at a time, and ends with `not_found` when the log is released before it got
/// there.
/// Thread safety: every function from any thread; the callback is called by the subscription's thread.
class change_subscription {
public:
    change_subscription(change_subscription&&) noexcept;
    change_subscription& operator=(change_subscription&&) noexcept;
    /// As `stop`.
    ~change_subscription();

    /// Ends the subscription and waits for the callback to return, unless called by the callback itself.
    void stop();
    /// False once it has ended, for whatever reason.
    [[nodiscard]] bool running() const noexcept;
    /// Why it ended: no error while it runs, after `stop` or a callback that returned false; else that of the feed.
    [[nodiscard]] result<void> status() const;
    /// Behind the last change for which the callback returned.
    [[nodiscard]] change_token position() const;

private:
    friend class database;
    struct worker;
    explicit change_subscription(std::shared_ptr<worker> inner) noexcept;
    static result<change_subscription> start(std::shared_ptr<detail::database_state> state, change_feed feed,
                                             change_callback callback);
    std::shared_ptr<worker> worker_;
};

}  // namespace vecstore
