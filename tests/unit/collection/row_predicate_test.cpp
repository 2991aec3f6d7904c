#include <catch2/catch.hpp>
#include <collection/part/row_predicate.hpp>

#include <vector>

using namespace vecstore;
using namespace vecstore::detail;

TEST_CASE("row predicate: bits decide what they know, the predicate the rest", "[collection]") {
    const std::vector<std::uint64_t> words{0b1010};
    const bool sure = GENERATE(true, false);
    const bool gaps = GENERATE(true, false);
    const std::vector<ordinal_id> ordinals =
        gaps ? std::vector<ordinal_id>{0, 1, 3, 4, 9} : std::vector<ordinal_id>{1, 2, 3, 4, 5};
    std::vector<row_id> asked;
    const auto odd = [&](row_id row) {
        asked.push_back(row);
        return row % 2 == 1;
    };
    const row_predicate allow(odd, {words.data(), 4, sure}, ordinals);
    std::vector<row_id> allowed;
    for (row_id row = 0; row < ordinals.size(); ++row)
        if (allow(row)) allowed.push_back(row);
    // Ordinals 1 and 3 are members; from 4 on nothing is known.
    if (gaps) {
        CHECK(allowed == (sure ? std::vector<row_id>{1, 2, 3} : std::vector<row_id>{1, 3}));
        CHECK(asked == (sure ? std::vector<row_id>{3, 4} : std::vector<row_id>{1, 2, 3, 4}));
    } else {
        CHECK(allowed == (sure ? std::vector<row_id>{0, 2, 3} : std::vector<row_id>{3}));
        CHECK(asked == (sure ? std::vector<row_id>{3, 4} : std::vector<row_id>{0, 2, 3, 4}));
    }
}
