#include "support/hex.hpp"
#include "support/store.hpp"

#include <vecstore/storage/block_file.hpp>

#include <catch2/catch.hpp>
#include <collection/decode.hpp>
#include <collection/part/index_build.hpp>
#include <collection/part/sparse_index.hpp>
#include <collection/sparse/sparse_document.hpp>
#include <collection/sparse/sparse_row.hpp>

#include <string>
#include <vector>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;
using vs::storage::fourcc;

namespace {

vs::collection_options one_sparse() {
    vs::collection_options options{{vector_of(1)}};
    options.sparse_vectors = {{.name = "s"}};
    return options;
}

/// A part of `rows` sparse rows; row i has index i % 5 with value i, and every third one nothing.
struct sparse_part {
    vs::storage::memory_file_system files;
    vs::vector_options options{.dim = 0, .metric = vs::metric::dot};
    vs::detail::part_descriptor descriptor;

    explicit sparse_part(vs::row_id rows) {
        auto writer = vs::detail::part_writer::create(files, "parts", 1, options).value();
        for (vs::row_id row = 0; row < rows; ++row)
            writer.append(row, vs::detail::pack_sparse(value_of(row)), vs::detail::row_identity{row, 1}).value();
        descriptor = writer.finish().value();
    }
    [[nodiscard]] static vs::sparse_value value_of(vs::row_id row) {
        if (row % 3 == 2) return {};
        return {{row % 5, 9}, {static_cast<float>(row), -1}};
    }
    [[nodiscard]] vs::result<std::shared_ptr<const vs::detail::part>> open() {
        return vs::detail::part::open(files, "parts", descriptor, options);
    }
};

}  // namespace

TEST_CASE("sparse row: the bytes in the log are these", "[collection]") {
    auto p = make_point(1, {});
    p.sparse = {{"s", {{7, 3}, {1.5f, -2}}}};
    const auto made = vs::detail::encode_upsert(9, one_sparse(), std::span(&p, 1)).value();
    REQUIRE(made.size() == 1);
    CHECK(hex(made[0].payload) ==
          "09000000"
          "01000000"
          "00"
          "0000000000000001"
          "01"
          "01"
          "02000000"
          "03000000"
          "07000000"
          "000000c0"
          "0000c03f"
          "0a000000"
          "01"
          "06"
          "04000000"
          "00000000");
    vs::wal::record record;
    record.type = made[0].type;
    record.payload = made[0].payload;
    const auto decoded = vs::detail::decode_operation(record, one_sparse()).value();
    REQUIRE(decoded.points.size() == 1);
    CHECK(decoded.points[0].sparse == std::vector<vs::named_sparse_vector>{{"s", {{3, 7}, {-2, 1.5f}}}});
    CHECK(code_of(vs::detail::decode_operation(record, {{vector_of(1)}})) == errc::corruption);
}

TEST_CASE("sparse row: the bytes of a multi-vector in the log are these", "[collection]") {
    auto tokens = vector_of(2, vs::metric::dot, "t");
    tokens.multi = true;
    tokens.type = vs::element_type::int8;
    const vs::collection_options options{{tokens}};
    auto p = make_point(1, {});
    p.multi = {{"t", {{1, -1}, {2, 3}}}};
    const auto made = vs::detail::encode_upsert(9, options, std::span(&p, 1)).value();
    REQUIRE(made.size() == 1);
    CHECK(hex(made[0].payload) ==
          "09000000"
          "01000000"
          "00"
          "0000000000000001"
          "01"
          "00"
          "02000000"
          "01ff"
          "0203"
          "0a000000"
          "01"
          "06"
          "04000000"
          "00000000");
    vs::wal::record record;
    record.type = made[0].type;
    record.payload = made[0].payload;
    CHECK(vs::detail::decode_operation(record, options).value().points == std::vector<vs::point>{p});
}

TEST_CASE("sparse row: rows that are out of order, too long or not finite are none", "[collection]") {
    const auto read = [](const std::vector<std::uint32_t>& words) {
        vs::byte_reader in(std::as_bytes(std::span(words)));
        return vs::detail::get_sparse_row(in).has_value() && in.finished();
    };
    CHECK(read({0}));
    CHECK(read({2, 3, 7, 0, 0}));
    CHECK_FALSE(read({2, 7, 3, 0, 0}));
    CHECK_FALSE(read({2, 7, 7, 0, 0}));
    CHECK_FALSE(read({1, 7, 0x7F800000}));
    CHECK_FALSE(read({2, 3, 7, 0}));
    CHECK_FALSE(read({0xFFFFFFFF, 3}));
}

TEST_CASE("sparse row: the bytes of version 4 of a part", "[collection]") {
    sparse_part f(3);
    const auto file =
        vs::storage::block_file::open(f.files, "parts/1.part", fourcc("VPRT"), vs::storage::verify_mode::all).value();
    CHECK(file->version() == 4);
    CHECK(hex(file->section(fourcc("VECS")).value()) ==
          "0000000009000000"
          "00000000000080bf"
          "0100000009000000"
          "0000803f000080bf");
    CHECK(hex(file->section(fourcc("OFFS")).value()) ==
          "0000000000000000"
          "1000000000000000"
          "2000000000000000"
          "2000000000000000");
    CHECK(hex(file->section(fourcc("HEAD")).value()) ==
          "03000000"
          "00000000"
          "00000000"
          "02"
          "01");
    const auto opened = f.open().value();
    CHECK(opened->sparse());
    for (vs::row_id row = 0; row < 3; ++row)
        CHECK(vs::detail::unpack_sparse(opened->checked_row(row).value()) == sparse_part::value_of(row));
    CHECK(code_of(vs::detail::part::open(f.files, "parts", f.descriptor, vector_of(2))) == errc::corruption);
}

TEST_CASE("sparse row: lists of a part are built, found again, and left out when damaged", "[collection]") {
    constexpr vs::row_id rows = vs::detail::sparse_indexed_rows_min;
    CHECK_FALSE(vs::detail::lacks_index(*sparse_part(rows - 1).open().value(), {.dim = 0}));
    sparse_part f(rows);
    const auto bare = f.open().value();
    REQUIRE(vs::detail::lacks_index(*bare, f.options));
    const auto built = vs::detail::build_indexes(f.files, "parts", *bare, f.options, {}).value();
    f.descriptor = built->descriptor();
    CHECK_FALSE(vs::detail::lacks_index(*built, f.options));
    const auto opened = f.open().value();
    REQUIRE(opened->lists() != nullptr);
    REQUIRE(opened->lists()->ready());
    const auto& lists = static_cast<const vs::detail::sparse_index&>(*opened->lists()).lists();
    CHECK(lists.size() == rows);
    CHECK(lists.frequency(9) == rows - rows / 3);
    vs::detail::part_cost cost;
    const std::vector<std::uint32_t> indices = {3};
    const std::vector<float> values = {1};
    const vs::index::sparse_view query{indices, values};
    const auto found = opened->lists()->search_unnoted({&query, 1, {}, std::nullopt, nullptr}, cost);
    REQUIRE(found.size() == 1);
    CHECK(found[0].row == 993);  // 998 has no values
    CHECK(opened->memory().on_disk > 0);

    auto bytes = f.files.open("parts/1.ivf", vs::storage::open_mode::read_write).value();
    std::byte one{};
    REQUIRE(bytes->read_at(100, {&one, 1}));
    one ^= std::byte{1};
    REQUIRE(bytes->write_at(100, {&one, 1}));
    const auto without = vs::detail::part::open(f.files, "parts", f.descriptor, f.options).value();
    CHECK(without->lists() == nullptr);
    CHECK(without->damaged_indexes() == 1);
    CHECK(vs::detail::lacks_index(*without, f.options));
}

TEST_CASE("sparse row: building lists can be cancelled", "[collection]") {
    sparse_part f(2'000);
    vs::detail::job_control control;
    control.keep_going = [](std::size_t, std::size_t) { return false; };
    CHECK(code_of(vs::detail::build_indexes(f.files, "parts", *f.open().value(), f.options, control)) ==
          errc::cancelled);
    CHECK_FALSE(f.files.exists("parts/1.ivf"));
}

TEST_CASE("sparse row: options are read as they were written", "[collection]") {
    vs::sparse_vector_options options{.name = "s", .modifier = vs::sparse_modifier::idf};
    CHECK(vs::detail::sparse_options_from(vs::detail::to_value(options)).value() == options);
    options.bm25 = vs::text::bm25_options{.k1 = 0.9, .b = 0.4, .average_length = 31};
    options.bm25->analyzer = {.tokenizer = vs::text::tokenizer_kind::multilingual,
                              .unspaced = vs::text::unspaced_kind::singles,
                              .lowercase = false,
                              .ascii_folding = true,
                              .min_token_len = 2,
                              .max_token_len = 9,
                              .stop_word_languages = {"german", "french"},
                              .stop_words = {"x", "y"},
                              .stemmer = "german"};
    CHECK(vs::detail::sparse_options_from(vs::detail::to_value(options)).value() == options);
    CHECK(code_of(vs::detail::sparse_options_from(vs::payload::document{{"name", "s"}, {"modifier", "tf"}})) ==
          errc::invalid_argument);
}
