#include "change_translator.hpp"
#include "database_state.hpp"

#include <vecstore/database/changes.hpp>

#include <charconv>
#include <deque>

namespace vecstore {
namespace {

using detail::database_state;

}  // namespace

std::string to_string(const change_token& token) {
    constexpr char digits[] = "0123456789abcdef";
    auto text = std::to_string(token.lsn) + "-";
    for (int shift = 28; shift >= 0; shift -= 4) text += digits[token.chain >> shift & 15];
    return text;
}

result<change_token> parse_change_token(std::string_view text) {
    change_token token;
    const auto* const end = text.data() + text.size();
    const auto lsn = std::from_chars(text.data(), end, token.lsn);
    if (lsn.ec == std::errc() && lsn.ptr != end && *lsn.ptr == '-') {
        const auto chain = std::from_chars(lsn.ptr + 1, end, token.chain, 16);
        if (chain.ec == std::errc() && chain.ptr == end) return token;
    }
    return invalid_argument("\"" + std::string(text.substr(0, 64)) + "\" is no position in a change feed");
}

std::string_view to_string(change_kind kind) noexcept {
    constexpr std::string_view names[] = {"upsert",         "erase",         "set_payload",       "overwrite_payload",
                                          "erase_payload",  "clear_payload", "create_collection", "drop_collection",
                                          "update_aliases", "annotate"};
    const auto i = static_cast<std::size_t>(kind);
    return i < std::size(names) ? names[i] : "unknown";
}

struct change_feed::reader {
    reader(std::shared_ptr<database_state> database, wal::cursor log, const change_token& after)
        : state(std::move(database)), cursor(std::move(log)), given(after), read(after), translator(state) {}

    result<std::optional<change>> next();
    result<void> read_write();

    std::shared_ptr<database_state> state;
    wal::cursor cursor;
    change_token given;          ///< behind what the caller has
    change_token read;           ///< behind what was read from the log
    byte_vector payload;         ///< of the record being read, decrypted
    std::deque<change> pending;  ///< of one write, not given yet
    result<void> outcome;        ///< once reading has failed, it does not go on: a change might be left out
    detail::change_translator translator;
};

result<std::optional<change>> change_feed::reader::next() {
    VECSTORE_CHECK(state->check_open());
    VECSTORE_CHECK(outcome);
    if (pending.empty()) {
        outcome = read_write();
        VECSTORE_CHECK(outcome);
        if (pending.empty()) {
            given = read;  // what was read says no change
            return std::optional<change>{};
        }
    }
    std::optional<change> found = std::move(pending.front());
    pending.pop_front();
    given = found->token;
    return found;
}

/// Reads the changes of the next write that has any; none at the end, which is always between two writes.
result<void> change_feed::reader::read_write() {
    while (pending.empty()) {
        for (bool continues = true; continues;) {
            VECSTORE_TRY(const auto record, cursor.next(state->readable_lsn()));
            if (!record) return {};
            if (read.chain != 0 && record->prev_chain != read.chain)
                return error{errc::conflict,
                             "position " + to_string(read) + " is of another history than this database's",
                             {},
                             0};
            read = {record->lsn, record->chain};
            continues = record->batch_continues();
            VECSTORE_TRY(const auto plain, state->readable(*record, payload));
            VECSTORE_TRY(auto found, translator.translate(plain));
            if (!found) continue;
            found->more_of_write = true;
            pending.push_back(*std::move(found));
        }
        if (pending.empty()) continue;
        pending.back().more_of_write = false;
        pending.back().token = read;  // behind records of the write that say no change
    }
    return {};
}

change_feed::change_feed(std::unique_ptr<reader> inner) noexcept : reader_(std::move(inner)) {}
change_feed::change_feed(change_feed&&) noexcept = default;
change_feed& change_feed::operator=(change_feed&&) noexcept = default;
change_feed::~change_feed() = default;

result<change_feed> change_feed::open(std::shared_ptr<database_state> state, const change_token& after) {
    VECSTORE_TRY(auto cursor, state->open_log_cursor(after.lsn));
    return change_feed(std::make_unique<reader>(std::move(state), std::move(cursor), after));
}

result<std::optional<change>> change_feed::next() { return reader_->next(); }

result<std::optional<change>> change_feed::wait(std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    for (;;) {
        VECSTORE_TRY(auto found, reader_->next());
        if (found) return found;
        const auto now = std::chrono::steady_clock::now();
        if (now >= deadline) return found;
        reader_->state->wait_readable(
            reader_->read.lsn,
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - now) + std::chrono::milliseconds(1));
    }
}

change_token change_feed::position() const noexcept { return reader_->given; }

}  // namespace vecstore
