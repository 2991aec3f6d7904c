/// Log records with hostile payloads, given to `apply`: an error or a state that can be read, never anything else.
/// The first byte chooses the record type; the rest is the payload behind a right collection id.
#include <vecstore/storage/memory_table_store.hpp>

#include <collection/decode.hpp>
#include <collection/state.hpp>
#include <collection/tables.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>

using namespace vecstore;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    constexpr collection_id id = 1;
    detail::collection_state state(
        id, "fuzzed",
        {.vectors = {{.dim = 2}, {.name = "b", .dim = 1}, {.name = "m", .dim = 1, .multi = true}},
         .sparse_vectors = {{.name = "s"}}});
    const auto store = storage::make_memory_table_store(detail::tables::names());
    const auto tables = store->read().value();
    byte_writer payload;
    payload.put(id);
    payload.put_bytes({reinterpret_cast<const std::byte*>(data) + 1, size - 1});
    wal::record record;
    record.lsn = 1;
    constexpr wal::record_type types[] = {wal::record_type::upsert, wal::record_type::erase,
                                          wal::record_type::set_payload, wal::record_type::ddl,
                                          wal::record_type::upsert_expiring};
    record.type = types[data[0] % std::size(types)];
    record.payload = payload.bytes();
    // What reads changes parses the same bytes, and must not take what `apply` refuses for more than an error.
    (void)detail::decode_operation(record, state.options());
    (void)detail::decode_ddl(record.payload);
    (void)detail::decode_write_id(record.payload);
    const auto applied = state.apply(record, *tables);
    if (!applied) return 0;
    state.publish(1);
    const auto view = state.pin();
    if (view->point_count > view->ordinal_end) __builtin_trap();
    for (ordinal_id ordinal = 0; ordinal < view->ordinal_end; ++ordinal)
        if (view->overlays.front()->find_point(ordinal, 1) == nullptr) __builtin_trap();
    return 0;
}
