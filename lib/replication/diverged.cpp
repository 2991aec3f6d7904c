#include <vecstore/replication/diverged.hpp>
#include <vecstore/wal/reader.hpp>

#include <database/change_translator.hpp>
#include <database/database_state.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace vecstore::replication {
namespace {

/// The two lsns in "cut-<from>-<to>-<chain>.wal".
std::optional<diverged_writes> parse_name(std::string_view name) {
    constexpr std::string_view prefix = "cut-", suffix = ".wal";
    if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
    const auto* const end = name.data() + name.size();
    diverged_writes found;
    const auto from = std::from_chars(name.data() + prefix.size(), end, found.first_lsn);
    if (from.ec != std::errc{} || from.ptr == end || *from.ptr != '-') return std::nullopt;
    const auto to = std::from_chars(from.ptr + 1, end, found.last_lsn);
    if (to.ec != std::errc{} || to.ptr == end || *to.ptr != '-') return std::nullopt;
    return found;
}

result<void> check_store(const detail::database_state& state) {
    VECSTORE_CHECK(state.check_open());
    if (state.directory().empty()) return error{errc::unsupported, "a database in memory has no log to cut"};
    return {};
}

}  // namespace

result<std::vector<diverged_writes>> list_diverged(const database& db) {
    const auto& state = *detail::database_access::state_of(db);
    VECSTORE_CHECK(check_store(state));
    const auto directory = storage::join_path(state.directory(), "diverged");
    std::vector<diverged_writes> found;
    if (!state.files()->exists(directory)) return found;
    VECSTORE_TRY(const auto names, state.files()->list(directory));
    for (const auto& name : names) {
        auto each = parse_name(name);
        if (!each) continue;
        each->path = storage::join_path(directory, name);
        VECSTORE_TRY(each->bytes, state.files()->file_size(each->path));
        found.push_back(*std::move(each));
    }
    std::sort(found.begin(), found.end(), [](const diverged_writes& a, const diverged_writes& b) {
        return a.first_lsn != b.first_lsn ? a.first_lsn < b.first_lsn : a.path < b.path;
    });
    return found;
}

result<void> read_diverged(const database& db, const std::string& path, const change_callback& callback) {
    const auto& state = detail::database_access::state_of(db);
    VECSTORE_CHECK(check_store(*state));
    detail::change_translator translator(state);
    byte_vector payload;
    bool go_on = true;
    const auto done = wal::read_segment(*state->files(), path, [&](const wal::record& record) -> result<void> {
        if (!go_on) return {};
        VECSTORE_TRY(const auto plain, state->readable(record, payload));
        VECSTORE_TRY(auto found, translator.translate(plain));
        if (!found) return {};
        found->more_of_write = record.batch_continues();
        go_on = callback(*found);
        return {};
    });
    return go_on ? done : result<void>{};
}

}  // namespace vecstore::replication
