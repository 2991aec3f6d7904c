#include <vecstore/distance/element_type.hpp>

#include <catch2/catch.hpp>

using namespace vecstore;

namespace {

constexpr element_type types[] = {element_type::f32, element_type::f16, element_type::bf16, element_type::int8,
                                  element_type::binary};
constexpr metric metrics[] = {metric::cosine, metric::dot, metric::euclid, metric::manhattan, metric::hamming};

}  // namespace

TEST_CASE("element_type: names are read back, others refused by name", "[element_type]") {
    for (const auto type : types) CHECK(parse_element_type(to_string(type)).value() == type);
    const auto parsed = parse_element_type("float");
    REQUIRE(!parsed);
    CHECK(parsed.error().code == errc::invalid_argument);
    CHECK(parsed.error().message.find("float") != std::string::npos);
}

TEST_CASE("element_type: values on disk do not change", "[element_type]") {
    for (std::size_t i = 0; i < 5; ++i) CHECK(static_cast<std::size_t>(types[i]) == i + 1);
    CHECK_FALSE(known(element_type{0}));
    CHECK_FALSE(known(element_type{6}));
}

TEST_CASE("element_type: hamming and binary go together only", "[element_type]") {
    for (const auto m : metrics)
        for (const auto type : types)
            CHECK(fits(m, type) == ((m == metric::hamming) == (type == element_type::binary)));
}

TEST_CASE("element_type: rows take their bytes, and strides do not cross more lines than they must", "[element_type]") {
    CHECK(row_bytes(element_type::f32, 100) == 400);
    CHECK(row_bytes(element_type::f16, 100) == 200);
    CHECK(row_bytes(element_type::bf16, 100) == 200);
    CHECK(row_bytes(element_type::int8, 100) == 100);
    CHECK(row_bytes(element_type::binary, 100) == 13);
    for (const auto type : types)
        for (std::size_t dim = 1; dim <= 300; ++dim) {
            const auto bytes = row_bytes(type, dim), stride = row_stride(type, dim);
            REQUIRE(stride >= bytes);
            REQUIRE(stride % 4 == 0);
            REQUIRE((stride < 64 ? 64 % stride == 0 && stride < 2 * std::max<std::size_t>(bytes, 4)
                                 : stride % 64 == 0 && stride < bytes + 64));
        }
}
