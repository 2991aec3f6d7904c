#include "support/store.hpp"

#include <vecstore/collection/options.hpp>

#include <catch2/catch.hpp>

namespace vs = vecstore;
using namespace vecstore::test;
using vs::errc;

TEST_CASE("options: names", "[collection]") {
    CHECK(vs::validate_name("name", "", true));
    CHECK(code_of(vs::validate_name("name", "", false)) == errc::invalid_argument);
    CHECK(vs::validate_name("name", "docs 2.0 (new) \xE2\x82\xAC", false));
    CHECK(vs::validate_name("name", std::string(vs::name_bytes_max, 'n'), false));
    for (const std::string& bad :
         {std::string(vs::name_bytes_max + 1, 'n'), std::string("a/b"), std::string("a\tb"), std::string("\x7F"),
          std::string("|"), std::string("\xC0\xAF"), std::string("\xED\xA0\x80")}) {
        const auto refused = vs::validate_name("collection name", bad, false);
        REQUIRE(code_of(refused) == errc::invalid_argument);
        CHECK(refused.error().message.starts_with("collection name"));
    }
}

TEST_CASE("options: each field at and beyond its bounds", "[collection]") {
    const auto check = [](auto change) {
        auto v = vector_of(2);
        change(v);
        return code_of(vs::validate({{v}}));
    };
    CHECK(check([](auto&) {}) == errc{});
    for (const std::size_t good : {std::size_t{1}, vs::dim_max}) CHECK(check([&](auto& v) { v.dim = good; }) == errc{});
    for (const std::size_t bad : {std::size_t{0}, vs::dim_max + 1, ~std::size_t{0}})
        CHECK(check([&](auto& v) { v.dim = bad; }) == errc::invalid_argument);
    for (const std::size_t good : {2u, 128u}) CHECK(check([&](auto& v) { v.m = good; }) == errc{});
    for (const std::size_t bad : {0u, 1u, 129u}) CHECK(check([&](auto& v) { v.m = bad; }) == errc::invalid_argument);
    for (const std::size_t good : {8u, 4'096u}) CHECK(check([&](auto& v) { v.ef_construct = good; }) == errc{});
    for (const std::size_t bad : {7u, 4'097u})
        CHECK(check([&](auto& v) { v.ef_construct = bad; }) == errc::invalid_argument);
    const auto typed = [&](vs::metric m, vs::element_type type) {
        return check([&](auto& v) { v.metric = m, v.type = type; });
    };
    for (const auto type : {vs::element_type::f16, vs::element_type::bf16, vs::element_type::int8}) {
        for (const auto m : {vs::metric::cosine, vs::metric::dot, vs::metric::euclid, vs::metric::manhattan})
            CHECK(typed(m, type) == errc{});
        CHECK(typed(vs::metric::hamming, type) == errc::invalid_argument);
    }
    CHECK(typed(vs::metric::hamming, vs::element_type::binary) == errc{});
    CHECK(typed(vs::metric::hamming, vs::element_type::f32) == errc::invalid_argument);
    CHECK(typed(vs::metric::cosine, vs::element_type::binary) == errc::invalid_argument);
    CHECK(typed(vs::metric::dot, vs::element_type{0}) == errc::invalid_argument);
    CHECK(typed(vs::metric{6}, vs::element_type::f32) == errc::invalid_argument);
    CHECK(vs::validate({}));
    CHECK(vs::validate({{vector_of(1), vector_of(1, vs::metric::dot, "b")}}));
    CHECK(code_of(vs::validate({{vector_of(1, vs::metric::dot, "b"), vector_of(1, vs::metric::dot, "b")}})) ==
          errc::invalid_argument);
}

TEST_CASE("options: kinds of index and of codes have names, and go with some vectors only", "[collection]") {
    for (const auto kind : {vs::index_kind::automatic, vs::index_kind::hnsw, vs::index_kind::ivf, vs::index_kind::flat})
        CHECK(vs::parse_index_kind(to_string(kind)).value() == kind);
    for (const auto kind : {vs::quantization_kind::automatic, vs::quantization_kind::none, vs::quantization_kind::int8,
                            vs::quantization_kind::int4})
        CHECK(vs::parse_quantization_kind(to_string(kind)).value() == kind);
    CHECK(code_of(vs::parse_index_kind("hsnw")) == errc::invalid_argument);
    CHECK(code_of(vs::parse_quantization_kind("")) == errc::invalid_argument);
    CHECK(to_string(vs::index_kind{9}) == "unknown");
    CHECK(to_string(vs::quantization_kind{9}) == "unknown");
    const auto check = [](auto change) {
        auto v = vector_of(2);
        change(v);
        return code_of(vs::validate({{v}}));
    };
    CHECK(check([](auto& v) { v.index = vs::index_kind::ivf; }) == errc{});
    CHECK(check([](auto& v) { v.index = vs::index_kind{4}; }) == errc::invalid_argument);
    CHECK(check([](auto& v) { v.quantization = vs::quantization_kind{4}; }) == errc::invalid_argument);
    const auto binary = [&](auto change) {
        return check([&](auto& v) {
            v.metric = vs::metric::hamming, v.type = vs::element_type::binary;
            change(v);
        });
    };
    CHECK(binary([](auto&) {}) == errc{});
    CHECK(binary([](auto& v) { v.index = vs::index_kind::ivf; }) == errc::invalid_argument);
    CHECK(binary([](auto& v) { v.quantization = vs::quantization_kind::int8; }) == errc::invalid_argument);
    CHECK(binary([](auto& v) { v.quantization = vs::quantization_kind::none; }) == errc{});
}
