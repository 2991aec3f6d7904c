#include <vecstore/index/hnsw/row_reuse.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <vector>

using namespace vecstore;
using index::row_reuse;

TEST_CASE("row_reuse: a row is given again when no walk is left that began before it was retired", "[hnsw][repair]") {
    row_reuse reuse;
    CHECK(reuse.take() == row_none);
    auto before = std::make_unique<row_reuse::walk>(&reuse);
    reuse.retire(std::vector<row_id>{4, 5});
    CHECK(reuse.take() == row_none);
    {
        const row_reuse::walk after(&reuse);
        CHECK(reuse.take() == row_none);
        reuse.retire(std::vector<row_id>{6});
        before.reset();
        const auto first = reuse.take(), second = reuse.take();
        CHECK(first + second == 9);
        CHECK(reuse.take() == row_none);  // `after` may stand on it
    }
    CHECK(reuse.take() == 6);
    CHECK(reuse.take() == row_none);
}

TEST_CASE("row_reuse: without walks a retired row is ready at once", "[hnsw][repair]") {
    row_reuse reuse;
    for (row_id row = 0; row < 100; ++row) {
        reuse.retire({&row, 1});
        CHECK(reuse.take() == row);
    }
}
