#include <vecstore/storage/block_file.hpp>
#include <vecstore/storage/table_copy.hpp>

namespace vecstore::storage {
namespace {

constexpr std::uint32_t dump_kind = fourcc("VTBL");
constexpr std::uint32_t dump_version = 1;
constexpr std::uint32_t rows_section = fourcc("ROWS");
constexpr std::size_t commit_bytes = 64u << 20;

/// Calls `visit(table, key, value)` for each entry.
template <class Visit>
result<void> for_each_entry(table_reader& from, table_id count, const Visit& visit) {
    for (table_id table = 0; table < count; ++table) {
        VECSTORE_TRY(const auto cursor, from.cursor(table));
        VECSTORE_CHECK(cursor->seek({}));
        while (cursor->valid()) {
            VECSTORE_CHECK(visit(table, cursor->key(), cursor->value()));
            VECSTORE_CHECK(cursor->next());
        }
    }
    return {};
}

}  // namespace

result<void> copy_tables(table_reader& from, table_id count, table_store& to) {
    VECSTORE_TRY(auto writer, to.write());
    std::size_t pending = 0;
    const auto put = [&](table_id table, byte_span key, byte_span value) -> result<void> {
        VECSTORE_CHECK(writer->put(table, key, value));
        pending += key.size() + value.size();
        if (pending < commit_bytes) return {};
        VECSTORE_CHECK(writer->commit());
        writer.reset();
        VECSTORE_TRY(writer, to.write());
        pending = 0;
        return {};
    };
    VECSTORE_CHECK(for_each_entry(from, count, put));
    return writer->commit();
}

result<void> dump_tables(table_reader& from, table_id count, file_system& files, const std::string& path) {
    VECSTORE_TRY(auto file, block_file_writer::create(files, path, dump_kind, dump_version));
    VECSTORE_CHECK(file.begin_section(rows_section));
    byte_writer entry;
    VECSTORE_CHECK(for_each_entry(from, count, [&](table_id table, byte_span key, byte_span value) -> result<void> {
        entry.clear();
        entry.put(table);
        entry.put_sized(key);
        entry.put_sized(value);
        return file.append(entry.bytes());
    }));
    VECSTORE_CHECK(file.finish());
    return {};
}

result<void> load_tables(file_system& files, const std::string& path, table_store& to) {
    VECSTORE_TRY(const auto file, block_file::open(files, path, dump_kind, verify_mode::all));
    if (file->version() != dump_version)
        return error{errc::unsupported, "tables of version " + std::to_string(file->version()), path, 0};
    VECSTORE_TRY(const auto rows, file->section(rows_section));
    VECSTORE_TRY(const auto writer, to.write());
    byte_reader in(rows);
    while (in.remaining() > 0) {
        const auto at = in.position();
        const auto table = in.get<table_id>();
        const auto key = in.get_sized();
        const auto value = in.get_sized();
        if (in.failed()) return corruption("an entry of the tables does not parse", path, at);
        VECSTORE_CHECK(writer->put(table, key, value));
    }
    return writer->commit();
}

}  // namespace vecstore::storage
