// The bytes of the files of indexes: what a later program must be able to read.
#include "support/store.hpp"

#include <catch2/catch.hpp>
#include <collection/part/graph_index.hpp>
#include <collection/part/ivf_index.hpp>

#include <bit>
#include <limits>
#include <string>
#include <vector>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::storage::fourcc;

namespace {

constexpr std::uint64_t owner_root = 0x1122'3344'5566'7788;

/// Numbers of 4 bytes as they lie in a file.
struct words {
    vs::byte_writer out;
    words& u32(std::initializer_list<std::uint32_t> values) {
        for (const auto v : values) out.put(v);
        return *this;
    }
    words& f32(std::initializer_list<float> values) {
        for (const auto v : values) out.put(std::bit_cast<std::uint32_t>(v));
        return *this;
    }
    words& repeat(std::uint32_t value, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) out.put(value);
        return *this;
    }
    [[nodiscard]] std::string hex() const { return hex_of(out.bytes()); }

    static std::string hex_of(vs::byte_span bytes) {
        constexpr char digits[] = "0123456789abcdef";
        std::string text;
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            if (i > 0 && i % 4 == 0) text += ' ';
            text += digits[static_cast<unsigned>(bytes[i]) >> 4];
            text += digits[static_cast<unsigned>(bytes[i]) & 15];
        }
        return text;
    }
};

vs::detail::calibration measured() {
    vs::detail::calibration made;
    made.set_band_edges(std::vector<float>{0.25f, 0.5f, 1});
    made.add_table(10, {{{20, 10}, 0.5f, 0.25f, 2, {0.5f, 0.5f, 0.5f, 0.25f}}});
    return made;
}
words measured_bytes() {
    words w;
    w.u32({3}).f32({0.25f, 0.5f, 1}).u32({1, 10, 1, 20, 10}).f32({0.5f, 0.25f, 2, 0.5f, 0.5f, 0.5f, 0.25f});
    return w;
}

struct files_of_index {
    vs::storage::memory_file_system files;
    vs::vector_options options = vector_of(2, vs::metric::euclid);
    // The grid of bytes is then 0, 1, ..., 255.
    std::vector<float> values = {0, 0, 255, 0, 0, 255};

    files_of_index() { REQUIRE(files.create_directories("d")); }
    [[nodiscard]] vs::index::contiguous_rows rows() const { return {values.data(), 2, 2, 3}; }
    [[nodiscard]] vs::detail::index_owner owner() const { return {owner_root, {rows(), nullptr, 0, 0}, options}; }
    [[nodiscard]] std::shared_ptr<const vs::storage::block_file> open(const std::string& path, std::uint32_t kind) {
        return vs::storage::block_file::open(files, path, kind, vs::storage::verify_mode::all).value();
    }
};

std::string section(const vs::storage::block_file& file, const char (&name)[5]) {
    const auto bytes = file.section(fourcc(name));
    REQUIRE(bytes);
    return words::hex_of(*bytes);
}

constexpr std::uint32_t none = 0xFFFF'FFFF;

/// Row 0 is the entry, on level 1; 0 and 1, 1 and 2 know each other.
void fill(vs::index::graph& g) {
    for (vs::row_id row = 0; row < 3; ++row) {
        (void)g.allocate(row, row == 0 ? 1 : 0);
        g.mark_linked(row);
    }
    const vs::row_id of_0[] = {1}, of_1[] = {0, 2}, of_2[] = {1};
    g.write_list(0, 0, of_0);
    g.write_list(1, 0, of_1);
    g.write_list(2, 0, of_2);
    REQUIRE(g.start_with({0, 1}));
}

}  // namespace

TEST_CASE("index files: the bytes of a graph's file, version 2", "[collection][golden]") {
    files_of_index f;
    vs::index::graph graph(2);
    fill(graph);
    const auto frozen = vs::index::freeze(graph, 3);
    const auto coded = vs::index::encode_rows(vs::quantization::code_type::u8, vs::metric::euclid, f.rows());
    const auto root =
        vs::detail::write_graph_file(f.files, "d/1.hnsw", owner_root, {frozen, &coded, measured()}).value();
    const auto file = f.open("d/1.hnsw", fourcc("VGRF"));
    CHECK(file->version() == 2);
    CHECK(file->root() == root);
    CHECK(section(*file, "GHDR") == words().u32({0x47485356, 1, 3, 2, 0, 1, 1, 0, 48, 0, 20, 0}).hex());
    CHECK(section(*file, "LVL0") == words().u32({1, none, none, none, 0, 2, none, none, 1, none, none, none}).hex());
    CHECK(section(*file, "UPPR") == words().u32({0, 0, 1, none, none}).hex());
    CHECK(section(*file, "CODC") == words().u32({1, 0x0301, 2, 1}).f32({0, 1}).hex());
    CHECK(section(*file, "CODE") == words().repeat(0, 16).u32({0xFF}).repeat(0, 15).u32({0xFF00}).repeat(0, 15).hex());
    CHECK(section(*file, "CALB") == measured_bytes().hex());
    CHECK(section(*file, "OWNR") == words().u32({0x5566'7788, 0x1122'3344}).hex());
    // And all of it together, with the file's own numbers.
    CHECK(root == 0x421e'6039'26d5'3dc5);

    const auto opened = vs::detail::graph_index::open(f.files, "d/1.hnsw", f.owner()).value();
    REQUIRE(opened->ready());
    CHECK(opened->measured() == measured());
    const float query[] = {0, 250};
    vs::detail::part_cost cost;
    const auto found = opened->search({query, 1, {10, 5}, std::nullopt, nullptr}, cost);
    REQUIRE(found.size() == 1);
    CHECK(found[0].row == 2);
    CHECK(found[0].distance == 25);
}

TEST_CASE("index files: the bytes of the file of lists, version 1", "[collection][golden]") {
    files_of_index f;
    vs::index::ivf_bytes lists;
    // One list with one centroid, the mean (1, 2); rows are flat.
    words header, model, ids;
    header.u32({0x56495356, 1, 3, 2, 0x0103, 1, 1, 0, 3, 0}).u32({(64 + 32 + 4 + 2) * 4, 0, 0, 0, 128, 0, 0, 0});
    model.repeat(0, 64);
    model.repeat(0, 1).repeat(std::bit_cast<std::uint32_t>(std::numeric_limits<float>::max()), 31);
    model.u32({0, 3}).f32({0, 0}).f32({1, 2});
    ids.u32({0, 1, 2}).repeat(none, 29);
    lists.header = std::move(header.out).take();
    lists.model = std::move(model.out).take();
    lists.ids = std::move(ids.out).take();
    const auto root = vs::detail::write_ivf_file(f.files, "d/1.ivf", owner_root, lists, measured()).value();
    const auto file = f.open("d/1.ivf", fourcc("VIVF"));
    CHECK(file->version() == 1);
    CHECK(file->root() == root);
    CHECK(section(*file, "HEAD") == words::hex_of(lists.header));
    CHECK(section(*file, "MODL") == words::hex_of(lists.model));
    CHECK(section(*file, "CODE").empty());
    CHECK(section(*file, "IDS_") == words::hex_of(lists.ids));
    CHECK(section(*file, "CALB") == measured_bytes().hex());
    CHECK(section(*file, "OWNR") == words().u32({0x5566'7788, 0x1122'3344}).hex());
    CHECK(root == 0x2653'36ae'cfe6'd755);

    const auto opened = vs::detail::ivf_index::open(f.files, "d/1.ivf", f.owner()).value();
    REQUIRE(opened->ready());
    CHECK(opened->measured() == measured());
    const float query[] = {0, 250};
    vs::detail::part_cost cost;
    const auto found = opened->search({query, 1, {1, 5}, std::nullopt, nullptr}, cost);
    REQUIRE(found.size() == 1);
    CHECK(found[0].row == 2);
    CHECK(found[0].distance == 25);
}
