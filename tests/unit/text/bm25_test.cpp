#include <vecstore/text/bm25.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

using namespace vecstore;
using text::bm25_encoder;
using text::bm25_options;

TEST_CASE("bm25: token indexes are those of MurmurHash3", "[text]") {
    // By the reference implementation: 0x00000000, 0x514E28B7 with seed 0 of "", and so on; made positive.
    CHECK(text::token_index("") == 0u);
    CHECK(text::token_index("hello") == 0x248BFA47u);
    CHECK(text::token_index("hello, world") == 0x149BBB7Fu);
    CHECK(text::token_index("The quick brown fox jumps over the lazy dog") == 0x2E4FF723u);
    CHECK(text::token_index("test") == ~0xBA6BD213u + 1);
}

TEST_CASE("bm25: documents weigh tokens by saturation and length", "[text]") {
    bm25_options options;
    options.analyzer = {};
    options.average_length = 4;
    const auto encoder = bm25_encoder::create(options).value();
    const auto vector = encoder.document("cat dog cat Cat");
    REQUIRE(vector.indices.size() == 2);
    CHECK(std::is_sorted(vector.indices.begin(), vector.indices.end()));
    const auto weight = [&](std::string_view token) {
        const auto at = std::find(vector.indices.begin(), vector.indices.end(), text::token_index(token));
        REQUIRE(at != vector.indices.end());
        return vector.values[static_cast<std::size_t>(at - vector.indices.begin())];
    };
    CHECK(weight("cat") == Approx(3 * 2.2 / (3 + 1.2)));
    CHECK(weight("dog") == Approx(1 * 2.2 / (1 + 1.2)));
    const auto longer = encoder.document("cat a b c d e f g");
    CHECK(*std::max_element(longer.values.begin(), longer.values.end()) ==
          Approx(1 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 8 / 4))));
}

TEST_CASE("bm25: queries ask for each token once", "[text]") {
    const auto encoder = bm25_encoder::create({}).value();
    const auto vector = encoder.query("the running runners run");
    CHECK(vector.indices.size() == 2);
    CHECK(vector.values == std::vector<float>{1, 1});
    CHECK(encoder.query("the of and").empty());
    CHECK(encoder.document("").empty());
}

TEST_CASE("bm25: options out of range are refused by name", "[text]") {
    CHECK(bm25_encoder::create({.k1 = -1}).error().message == "k1 = -1.000000 is not in 0.000000 to 1000.000000");
    CHECK(bm25_encoder::create({.b = 1.5}).error().code == errc::invalid_argument);
    CHECK(bm25_encoder::create({.average_length = 0}).error().code == errc::invalid_argument);
    CHECK(bm25_encoder::create({.analyzer = {.stemmer = "klingon"}}).error().message ==
          "stemmer: there is none for \"klingon\"");
}
