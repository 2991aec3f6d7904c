#include "support/store.hpp"

#include <vecstore/core/top_k.hpp>
#include <vecstore/index/flat.hpp>

#include <catch2/catch.hpp>
#include <collection/part/graph_index.hpp>
#include <collection/part/index_build.hpp>

#include <algorithm>
#include <memory>
#include <vector>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::detail::graph_index;
using vs::detail::part;

namespace {

constexpr std::size_t dim = 8;

/// Vectors of points by ordinal, and parts of some of them.
struct fixture {
    vs::storage::memory_file_system files;
    vs::vector_options options = vector_of(dim, vs::metric::euclid);
    std::vector<std::vector<float>> vectors;
    std::uint64_t parts = 0;

    explicit fixture(std::size_t count) {
        options.index = vs::index_kind::hnsw;
        vs::random_source random(1);
        for (std::size_t i = 0; i < count; ++i) vectors.push_back(random_vector(random, dim));
    }
    template <class Holds>
    std::shared_ptr<const part> part_of(const Holds& holds) {
        auto writer = vs::detail::part_writer::create(files, "parts", ++parts, options).value();
        for (vs::ordinal_id o = 0; o < vectors.size(); ++o)
            if (holds(o)) REQUIRE(writer.append(o, vectors[o].data(), std::nullopt));
        return part::open(files, "parts", writer.finish().value(), options).value();
    }
    std::shared_ptr<const part> index(const part& p, const vs::detail::part_list& merged_from = {},
                                      const vs::detail::job_control& control = {}) {
        return vs::detail::build_indexes(files, "parts", p, options, control, merged_from).value();
    }
};

const vs::index::frozen_graph& graph_of(const std::shared_ptr<const part>& p) {
    return dynamic_cast<const graph_index&>(*p->graph()).graph();
}

std::vector<vs::row_id> links(const vs::index::frozen_graph& graph) {
    std::vector<vs::row_id> all;
    for (vs::row_id row = 0; row < graph.row_bound(); ++row)
        graph.for_each_neighbor(row, 0, [&](vs::row_id id) { all.push_back(id); });
    return all;
}

double recall_of(const part& p, std::uint32_t ef) {
    vs::random_source random(2);
    double sum = 0;
    for (int i = 0; i < 100; ++i) {
        const auto query = random_vector(random, dim);
        const vs::distance_computer computer(vs::metric::euclid, query.data(), dim);
        const vs::index::exact_distances exact(p.vectors(), computer);
        const auto truth = vs::index::flat_search(exact, p.size(), 10, vs::index::allow_all{});
        vs::detail::part_cost cost;
        const auto found = p.graph()->search({query.data(), 10, {ef, ef}, std::nullopt, nullptr}, cost);
        sum += static_cast<double>(std::count_if(found.begin(), found.end(),
                                                 [&](const auto& n) { return n.distance <= truth.back().distance; }));
    }
    return sum / 1000;
}

constexpr auto everything = [](vs::ordinal_id) { return true; };

}  // namespace

TEST_CASE("index build: a part that is mostly another one begins with its graph, and finds as much", "[collection]") {
    for (const bool coded : {true, false}) {
        fixture f(3'600);
        f.options.quantization = coded ? vs::quantization_kind::automatic : vs::quantization_kind::none;
        const auto large = f.index(*f.part_of([](auto o) { return o < 2'500; }));
        const auto small = f.part_of([](auto o) { return o >= 2'500; });
        // One in nine has died.
        const auto together = f.part_of([](auto o) { return o % 9 != 4; });
        const auto again = f.part_of([](auto o) { return o % 9 != 4; });
        const auto merged = f.index(*together, {large, small}), same = f.index(*again, {small, large});
        CHECK((links(graph_of(merged)) == links(graph_of(same))));
        const auto anew = f.index(*f.part_of([](auto o) { return o % 9 != 4; }));
        CHECK((links(graph_of(merged)) != links(graph_of(anew))));
        INFO("coded " << coded);
        for (const std::uint32_t ef : {20, 60}) CHECK(recall_of(*merged, ef) >= recall_of(*anew, ef) - 0.01);
        CHECK(recall_of(*merged, 200) >= 0.99);
    }
}

TEST_CASE("index build: parts that are no help are not begun with", "[collection]") {
    fixture f(4'400);
    const auto anew = links(graph_of(f.index(*f.part_of(everything))));
    const auto third = f.index(*f.part_of([](auto o) { return o < 2'100; }));
    const auto no_graph = f.part_of([](auto o) { return o >= 1'000; });
    CHECK((links(graph_of(f.index(*f.part_of(everything), {third, no_graph}))) == anew));
    auto narrow = f.options;
    narrow.m = 6;
    std::swap(f.options, narrow);
    const auto other_m = f.index(*f.part_of([](auto o) { return o < 3'500; }));
    std::swap(f.options, narrow);
    CHECK((links(graph_of(f.index(*f.part_of(everything), {other_m}))) == anew));
}

TEST_CASE("index build: a merge that is cancelled leaves no files", "[collection]") {
    fixture f(2'600);
    const auto large = f.index(*f.part_of([](auto o) { return o < 2'200; }));
    const auto together = f.part_of(everything);
    const auto before = f.files.list("parts").value();
    std::size_t calls = 0, last = 0;
    vs::detail::job_control control;
    for (std::size_t stop_at = 1; stop_at < 200; stop_at += 23) {
        calls = 0;
        control.keep_going = [&](std::size_t, std::size_t) { return ++calls < stop_at; };
        const auto built = vs::detail::build_indexes(f.files, "parts", *together, f.options, control, {large});
        if (built) break;
        CHECK(code_of(built) == vs::errc::cancelled);
        CHECK(f.files.list("parts").value() == before);
    }
    control.keep_going = [&](std::size_t done, std::size_t rows) { return last = done, done <= rows; };
    (void)f.index(*together, {large}, control);
    CHECK(last == 2'600);
}
