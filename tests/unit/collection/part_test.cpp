#include "support/store.hpp"

#include <vecstore/core/top_k.hpp>
#include <vecstore/index/flat.hpp>
#include <vecstore/index/hnsw.hpp>

#include <catch2/catch.hpp>
#include <collection/part/graph_index.hpp>
#include <collection/part/index_build.hpp>
#include <collection/part/part.hpp>

#include <cstring>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;
using vs::detail::part;

namespace {

struct fixture {
    vs::storage::memory_file_system files;
    vs::vector_options options = vector_of(5, vs::metric::euclid);
    vs::detail::part_descriptor descriptor;
    std::vector<std::vector<float>> vectors;

    explicit fixture(std::size_t rows) {
        vs::random_source random(1);
        auto writer = vs::detail::part_writer::create(files, "parts", 3, options).value();
        for (std::size_t i = 0; i < rows; ++i) {
            vectors.push_back(random_vector(random, 5));
            REQUIRE(writer.append(ordinal(i), vectors.back().data(), identity(i)));
        }
        REQUIRE(writer.rows() == rows);
        if (rows > 0) descriptor = writer.finish().value();
    }
    static vs::detail::row_identity identity(std::size_t row) {
        if (row % 3 == 1) return {uuid_of(static_cast<std::uint8_t>(row)), row};
        return {~std::uint64_t{0} - row, row};
    }
    static vs::ordinal_id ordinal(std::size_t row) { return static_cast<vs::ordinal_id>(10 + 3 * row); }

    vs::result<std::shared_ptr<const part>> open() { return part::open(files, "parts", descriptor, options); }
    /// As an older program left it: no codes, calibration of version 1.
    void add_graph() {
        const auto opened = open().value();
        vs::index::hnsw_options how;
        how.dim = 5;
        how.metric = options.metric;
        vs::index::hnsw<vs::index::contiguous_rows> graph(how, opened->vectors());
        for (vs::row_id row = 0; row < opened->size(); ++row) graph.link(row);
        const auto frozen = vs::index::freeze(graph);
        vs::byte_writer owner, measured;
        owner.put(descriptor.root);
        measured.put(std::uint32_t{3});
        for (const auto& [ef, recall] : {std::pair{10u, 0.5f}, std::pair{20u, 0.9f}, std::pair{100u, 0.99f}}) {
            measured.put(ef);
            measured.put(recall);
        }
        auto file =
            vs::storage::block_file_writer::create(files, "parts/3.hnsw", vs::storage::fourcc("VGRF"), 1).value();
        const auto add = [&](std::uint32_t name, vs::byte_span bytes) {
            REQUIRE(file.begin_section(name));
            REQUIRE(file.append(bytes));
        };
        add(vs::storage::fourcc("LVL0"), frozen.level0);
        add(vs::storage::fourcc("UPPR"), frozen.upper);
        add(vs::storage::fourcc("GHDR"), frozen.header);
        add(vs::storage::fourcc("CALB"), measured.bytes());
        add(vs::storage::fourcc("OWNR"), owner.bytes());
        descriptor.graph_root = file.finish().value();
    }
    /// All that the options want. Returns the part, opened.
    std::shared_ptr<const part> add_indexes() {
        const auto plain = open().value();
        const auto indexed = vs::detail::build_indexes(files, "parts", *plain, options, {}).value();
        descriptor = indexed->descriptor();
        return indexed;
    }
    void flip(const std::string& path, std::uint64_t offset, int bit) {
        const auto file = files.open(path, vs::storage::open_mode::read_write).value();
        std::byte byte[1];
        REQUIRE(file->read_at(offset, byte).value() == 1);
        byte[0] ^= static_cast<std::byte>(1 << bit);
        REQUIRE(file->write_at(offset, byte));
    }
};

}  // namespace

TEST_CASE("part: what was written is read back", "[collection]") {
    fixture f(100);
    CHECK(f.descriptor.rows == 100);
    CHECK(f.descriptor.first_ordinal == 10);
    CHECK(f.descriptor.last_ordinal == 307);
    CHECK(f.descriptor.graph_root == 0);
    const auto opened = f.open().value();
    CHECK(opened->descriptor() == f.descriptor);
    REQUIRE(opened->size() == 100);
    CHECK(opened->graph() == nullptr);
    CHECK(opened->mapped_bytes() >= 100 * 5 * sizeof(float));
    for (vs::row_id row = 0; row < 100; ++row) {
        CHECK(opened->ordinal_of(row) == f.ordinal(row));
        CHECK(opened->identity_of(row) == f.identity(row));
        CHECK(std::memcmp(f.vectors[row].data(), opened->vectors().at(row), 5 * sizeof(float)) == 0);
        CHECK(reinterpret_cast<std::uintptr_t>(opened->vectors().at(row)) % 16 == 0);
    }
}

TEST_CASE("part: a file of version 1 is read: f32 rows, strides in floats, no type in the header", "[collection]") {
    fixture f(0);
    auto file = vs::storage::block_file_writer::create(f.files, "parts/9.part", vs::storage::fourcc("VPRT"), 1).value();
    const std::uint8_t metric = 3;
    const std::uint32_t head[] = {2, 5, 16}, ordinals[] = {4, 7};
    float rows[32] = {1, 2, 3, 4, 5};
    rows[16] = 6;
    REQUIRE(file.begin_section(vs::storage::fourcc("VECS")));
    REQUIRE(file.append(std::as_bytes(std::span(rows))));
    REQUIRE(file.begin_section(vs::storage::fourcc("ORDN")));
    REQUIRE(file.append(std::as_bytes(std::span(ordinals))));
    REQUIRE(file.begin_section(vs::storage::fourcc("HEAD")));
    REQUIRE(file.append(std::as_bytes(std::span(head))));
    REQUIRE(file.append(std::as_bytes(std::span(&metric, 1))));
    const vs::detail::part_descriptor descriptor{9, 2, 4, 7, file.finish().value(), 0, 0};
    const auto opened = part::open(f.files, "parts", descriptor, f.options).value();
    CHECK(std::memcmp(opened->vectors().at(0), rows, 5 * sizeof(float)) == 0);
    CHECK(*static_cast<const float*>(opened->vectors().at(1)) == 6);
    CHECK_FALSE(opened->identity_of(0));
    auto other = f.options;
    other.type = vs::element_type::f16;
    CHECK(code_of(part::open(f.files, "parts", descriptor, other)) == errc::corruption);
}

TEST_CASE("part: the bytes of version 3, for each type", "[collection]") {
    struct expectation {
        vs::element_type type;
        std::size_t stride;
    };
    for (const auto& [type, stride] : {expectation{vs::element_type::f32, 64}, expectation{vs::element_type::f16, 32},
                                       expectation{vs::element_type::bf16, 32}, expectation{vs::element_type::int8, 16},
                                       expectation{vs::element_type::binary, 4}}) {
        INFO(to_string(type));
        vs::storage::memory_file_system files;
        auto options = vector_of(9, type == vs::element_type::binary ? vs::metric::hamming : vs::metric::dot);
        options.type = type;
        auto writer = vs::detail::part_writer::create(files, "parts", 1, options).value();
        std::vector<std::byte> row(vs::row_bytes(type, 9));
        REQUIRE(vs::pack(type, std::vector<float>{1, 0, 1, 1, 0, 0, 0, 0, 1}, row));
        REQUIRE(writer.append(5, row.data(), vs::detail::row_identity{42, 7}));
        REQUIRE(writer.append(6, row.data(), vs::detail::row_identity{uuid_of(0xAB), 300}));
        const auto descriptor = writer.finish().value();
        const auto file = vs::storage::block_file::open(files, "parts/1.part", vs::storage::fourcc("VPRT"),
                                                        vs::storage::verify_mode::all)
                              .value();
        CHECK(file->version() == 3);
        vs::byte_writer identities;
        for (const std::uint64_t x : {std::uint64_t{0}, std::uint64_t{42}, std::uint64_t{14}}) identities.put(x);
        for (int i = 0; i < 16; ++i) identities.put(std::uint8_t{0xAB});
        identities.put(std::uint64_t{601});
        const auto kept = file->section(vs::storage::fourcc("IDNT")).value();
        CHECK(std::equal(kept.begin(), kept.end(), identities.bytes().begin(), identities.bytes().end()));
        vs::byte_writer head;
        for (const std::uint32_t x : {2u, 9u, static_cast<std::uint32_t>(stride)}) head.put(x);
        head.put(static_cast<std::uint8_t>(options.metric));
        head.put(static_cast<std::uint8_t>(type));
        const auto stored = file->section(vs::storage::fourcc("HEAD")).value();
        CHECK(std::equal(stored.begin(), stored.end(), head.bytes().begin(), head.bytes().end()));
        const auto vectors = file->section(vs::storage::fourcc("VECS")).value();
        REQUIRE(vectors.size() == 2 * stride);
        CHECK(std::equal(row.begin(), row.end(), vectors.begin() + static_cast<std::ptrdiff_t>(stride)));
        const auto opened = part::open(files, "parts", descriptor, options).value();
        CHECK(opened->vectors().type() == type);
        CHECK(std::memcmp(opened->vectors().at(1), row.data(), row.size()) == 0);
    }
}

TEST_CASE("part: rows of which one has no identity are kept without", "[collection]") {
    vs::storage::memory_file_system files;
    const auto options = vector_of(2, vs::metric::euclid);
    auto writer = vs::detail::part_writer::create(files, "parts", 1, options).value();
    const float row[] = {1, 2};
    REQUIRE(writer.append(5, row, vs::detail::row_identity{42, 7}));
    REQUIRE(writer.append(6, row, std::nullopt));
    const auto opened = part::open(files, "parts", writer.finish().value(), options).value();
    CHECK_FALSE(opened->identity_of(0));
    CHECK_FALSE(opened->identity_of(1));
    opened->prefetch_identity(1);
}

TEST_CASE("part: counts the deaths of its own rows", "[collection]") {
    fixture f(10);
    const auto opened = f.open().value();
    for (const vs::ordinal_id other : {0u, 9u, 11u, 38u, 1'000u}) opened->note_death(other);
    CHECK(opened->dead_rows() == 0);
    opened->note_death(10);
    opened->note_death(37);
    CHECK(opened->dead_rows() == 2);
}

TEST_CASE("part: any flipped bit and any cut of the vector file is corruption with its path", "[collection]") {
    fixture f(20);
    const std::string path = "parts/3.part";
    const auto size = f.files.file_size(path).value();
    for (std::uint64_t offset = 0; offset < size; ++offset) {
        const int bit = static_cast<int>(offset % 8);
        f.flip(path, offset, bit);
        const auto opened = f.open();
        INFO("byte " << offset << " of " << size);
        REQUIRE(code_of(opened) == errc::corruption);
        REQUIRE(opened.error().path == path);
        f.flip(path, offset, bit);
    }
    REQUIRE(f.open());
    for (const auto cut : {size - 1, size / 2, std::uint64_t{64}, std::uint64_t{1}, std::uint64_t{0}}) {
        REQUIRE(f.files.open(path, vs::storage::open_mode::read_write).value()->truncate(cut));
        CHECK(code_of(f.open()) == errc::corruption);
    }
}

TEST_CASE("part: a damaged graph is left out, never walked", "[collection]") {
    fixture f(30);
    f.add_graph();
    const std::string path = "parts/3.hnsw";
    const auto size = f.files.file_size(path).value();
    REQUIRE(f.open().value()->graph() != nullptr);
    for (std::uint64_t offset = 0; offset < size; offset += 3) {
        const int bit = static_cast<int>(offset % 8);
        f.flip(path, offset, bit);
        INFO("byte " << offset << " of " << size);
        const auto opened = f.open();
        REQUIRE(opened);
        REQUIRE((*opened)->graph() == nullptr);
        f.flip(path, offset, bit);
    }
    REQUIRE(f.open().value()->graph() != nullptr);
    REQUIRE(f.files.remove(path));
    CHECK(f.open().value()->graph() == nullptr);
}

TEST_CASE("part: files that belong to something else are refused", "[collection]") {
    fixture f(30);
    f.add_graph();
    auto descriptor = f.descriptor;
    const auto open = [&] { return part::open(f.files, "parts", descriptor, f.options); };
    ++descriptor.root;
    CHECK(code_of(open()) == errc::corruption);
    descriptor = f.descriptor;
    ++descriptor.rows;
    CHECK(code_of(open()) == errc::corruption);
    descriptor = f.descriptor;
    ++descriptor.last_ordinal;
    CHECK(code_of(open()) == errc::corruption);
    descriptor = f.descriptor;
    auto options = f.options;
    options.dim = 6;
    CHECK(code_of(part::open(f.files, "parts", descriptor, options)) == errc::corruption);
    options = f.options;
    options.metric = vs::metric::dot;
    CHECK(code_of(part::open(f.files, "parts", descriptor, options)) == errc::corruption);
    descriptor.number = 4;
    CHECK_FALSE(open());
    // The graph of another part under this one's name.
    fixture other(31);
    other.add_graph();
    const auto bytes = vs::storage::read_file(other.files, "parts/3.hnsw").value();
    REQUIRE(vs::storage::write_file(f.files, "parts/3.hnsw", bytes));
    CHECK(f.open().value()->graph() == nullptr);
}

TEST_CASE("part: a graph of version 1 is walked, with the ef that was measured", "[collection]") {
    fixture f(300);
    f.add_graph();
    const auto opened = f.open().value();
    REQUIRE(opened->graph() != nullptr);
    CHECK(opened->choose(0.9, 10, {}).chosen.setting == vs::detail::search_setting{20, 0});
    CHECK(opened->choose(0.9, 10, 33).chosen.setting.breadth == 33);
    const auto chosen = opened->choose(0.99, 5, {});
    vs::detail::part_cost cost;
    const auto found = chosen.index->search({f.vectors[7].data(), 5, chosen.chosen.setting, {}, nullptr}, cost);
    REQUIRE(found.size() == 5);
    CHECK(found[0] == vs::neighbor{0, 7});
    CHECK(cost.distances > 0);
    CHECK(cost.rescored == 0);
}

TEST_CASE("part: both kinds of index are written, opened again and searched", "[collection]") {
    fixture f(3'000);
    for (const auto kind : {vs::index_kind::hnsw, vs::index_kind::ivf}) {
        INFO(to_string(kind));
        f.options.index = kind;
        f.descriptor.graph_root = f.descriptor.ivf_root = 0;
        const auto built = f.add_indexes();
        if (kind == vs::index_kind::ivf && built->lists() == nullptr) continue;  // a library that cannot train
        const auto choice = built->choose(0.95, 10, {});
        REQUIRE(choice.index != nullptr);
        CHECK(choice.index->kind() == kind);
        CHECK(choice.chosen.reached);
        CHECK(choice.chosen.recall >= 0.949f);
        CHECK(choice.chosen.microseconds > 0);
        CHECK(choice.index->memory().resident > 3'000 * (kind == vs::index_kind::hnsw ? 64 * 2 : 4));
        CHECK_FALSE(vs::detail::lacks_index(*built, f.options));
        vs::random_source random(7);
        double found_of_all = 0;
        for (int i = 0; i < 100; ++i) {
            const auto query = random_vector(random, 5);
            vs::detail::part_cost cost;
            const auto found = choice.index->search({query.data(), 10, choice.chosen.setting, {}, nullptr}, cost);
            const vs::distance_computer distance(f.options.metric, query.data(), 5);
            const auto truth = vs::index::flat_search(vs::index::exact_distances(built->vectors(), distance),
                                                      built->size(), 10, vs::index::allow_all{});
            REQUIRE(std::is_sorted(found.begin(), found.end()));
            for (const auto& n : found) found_of_all += n.distance <= truth.back().distance + 1e-6f ? 0.001 : 0;
        }
        CHECK(found_of_all >= 0.93);
    }
}

TEST_CASE("part: damaged bytes of an index of either kind leave the part without it", "[collection]") {
    fixture f(2'000);
    f.options.dim = 5;
    for (const auto kind : {vs::index_kind::hnsw, vs::index_kind::ivf}) {
        f.options.index = kind;
        f.descriptor.graph_root = f.descriptor.ivf_root = 0;
        const auto built = f.add_indexes();
        if (kind == vs::index_kind::ivf && built->lists() == nullptr) continue;
        const std::string path = kind == vs::index_kind::hnsw ? "parts/3.hnsw" : "parts/3.ivf";
        const auto size = f.files.file_size(path).value();
        for (std::uint64_t offset = 0; offset < size; offset += size / 97 + 1) {
            const int bit = static_cast<int>(offset % 8);
            f.flip(path, offset, bit);
            INFO("byte " << offset << " of " << size);
            const auto opened = f.open();
            REQUIRE(opened);
            REQUIRE_FALSE((*opened)->indexed());
            REQUIRE(vs::detail::lacks_index(**opened, f.options));
            f.flip(path, offset, bit);
        }
        CHECK(f.open().value()->indexed());
    }
}

TEST_CASE("part: a build that is cancelled leaves no files of indexes", "[collection]") {
    fixture f(2'500);
    const auto plain = f.open().value();
    for (int stop_at = 1; stop_at < 400; stop_at += 60) {
        vs::detail::job_control control;
        int calls = 0;
        control.keep_going = [&](std::size_t, std::size_t) { return ++calls < stop_at; };
        const auto built = vs::detail::build_indexes(f.files, "parts", *plain, f.options, control);
        if (built) break;
        CHECK(code_of(built) == errc::cancelled);
        CHECK(f.files.list("parts").value() == std::vector<std::string>{"3.part"});
    }
}

TEST_CASE("part: parts are sorted by their first ordinals", "[collection]") {
    fixture a(5), b(5);
    vs::detail::part_list parts{b.open().value(), a.open().value()};
    vs::detail::sort_parts(parts);
    CHECK(parts[0]->descriptor().first_ordinal <= parts[1]->descriptor().first_ordinal);
    CHECK(vs::detail::part_path("d", 7) == "d/7.part");
    CHECK(vs::detail::graph_path("d", 7) == "d/7.hnsw");
    CHECK(vs::detail::ivf_path("d", 7) == "d/7.ivf");
}
