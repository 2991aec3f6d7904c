// Sections of a payload index's file whose checksums are right and whose contents are anything: they are refused or
// answer, and nothing is read out of bounds.
#include <vecstore/storage/memory_file_system.hpp>

#include <field_index/segment.hpp>

#include <cstddef>
#include <cstdint>

using namespace vecstore;
using field_index::segment;

namespace {

/// The input is cut at lengths that it names itself: u16 each.
result<void> write(storage::file_system& files, byte_reader in, std::uint32_t version) {
    VECSTORE_TRY(auto file, storage::block_file_writer::create(files, "d/f", field_index::segment_file_kind, version));
    for (const auto name :
         {storage::fourcc("HEAD"), storage::fourcc("BITS"), storage::fourcc("TKEY"), storage::fourcc("TNOD"),
          storage::fourcc("TPST"), storage::fourcc("IKEY"), storage::fourcc("INOD"), storage::fourcc("IPST"),
          storage::fourcc("CKEY"), storage::fourcc("CNOD"), storage::fourcc("CPST"), storage::fourcc("GLAT"),
          storage::fourcc("GLON"), storage::fourcc("GORD")}) {
        const auto size = in.get<std::uint16_t>();
        const auto bytes = in.get_bytes(size);
        if (in.failed()) break;
        VECSTORE_CHECK(file.begin_section(name));
        VECSTORE_CHECK(file.append(bytes));
    }
    VECSTORE_CHECK(file.finish());
    return {};
}

}  // namespace

namespace {

void ask(byte_span input, std::uint32_t version) {
    storage::memory_file_system files;
    if (!files.create_directories("d") || !write(files, byte_reader(input), version)) return;
    const auto opened = segment::open(files, "d/f", 77, storage::verify_mode::footer);
    if (!opened) return;
    const segment::field_test tests[] = {filter::match_value{std::string("bb")},
                                         filter::match_value{std::int64_t{3}},
                                         filter::match_except{std::vector<std::string>{"a", "x"}},
                                         filter::match_prefix{"b"},
                                         filter::range{.gte = 0},
                                         filter::values_count{.gt = 0},
                                         filter::is_empty{},
                                         filter::is_null{},
                                         geo_radius{{1, 2}, 1e6}};
    for (const auto& test : tests) {
        (void)(*opened)->count_at_most(test);
        if (const auto found = (*opened)->matches(test); found && *found) (void)(*found)->to_vector();
    }
    const auto analyzer = text::analyzer::create({}).value();
    for (const segment::field_test& test :
         {segment::field_test(filter::match_text{"a bb"}), segment::field_test(filter::match_text_any{"bb x"}),
          segment::field_test(filter::match_phrase{"bb a"})})
        (void)(*opened)->matches(*field_index::token_rule::make(analyzer, test));
    (void)(*opened)->for_each_text([](std::string_view, ordinal_id) {});
    (void)(*opened)->for_each_integer(field_index::dictionary_kind::count, [](std::int64_t, ordinal_id) {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto input = std::as_bytes(std::span(data, size));
    for (const auto version : {field_index::segment_file_version, field_index::text_file_version}) ask(input, version);
    return 0;
}
