#include <vecstore/core/result.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

using vecstore::errc;
using vecstore::error;
using vecstore::result;

namespace {

result<int> half(int n) {
    if (n % 2 != 0) return vecstore::invalid_argument("n = " + std::to_string(n) + " is odd");
    return n / 2;
}
result<void> check_even(int n) {
    VECSTORE_CHECK(half(n));
    return {};
}
result<std::string> quarter(int n) {
    VECSTORE_TRY(const int once, half(n));
    VECSTORE_TRY(const int twice, half(once));
    return std::to_string(twice);
}

}  // namespace

TEST_CASE("result: holds a value or an error", "[core]") {
    const auto good = half(4);
    REQUIRE(good.has_value());
    CHECK(good);
    CHECK(*good == 2);
    CHECK(good.value() == 2);
    CHECK(good.value_or(7) == 2);
    const auto bad = half(3);
    REQUIRE_FALSE(bad.has_value());
    CHECK_FALSE(bad);
    CHECK(bad.error().code == errc::invalid_argument);
    CHECK(bad.error().message == "n = 3 is odd");
    CHECK(bad.value_or(7) == 7);
}

TEST_CASE("result: value() throws the error it holds", "[core]") {
    try {
        (void)half(3).value();
        FAIL("no exception");
    } catch (const vecstore::exception& e) {
        CHECK(e.error().code == errc::invalid_argument);
        CHECK(std::string(e.what()) == "invalid_argument: n = 3 is odd");
    }
    CHECK_THROWS_AS(check_even(1).value(), vecstore::exception);
    CHECK_NOTHROW(check_even(2).value());
}

TEST_CASE("result: TRY and CHECK pass the first error on", "[core]") {
    CHECK(quarter(8).value() == "2");
    CHECK(quarter(7).error().message == "n = 7 is odd");
    CHECK(quarter(6).error().message == "n = 3 is odd");
    CHECK(check_even(2));
    CHECK(check_even(5).error().message == "n = 5 is odd");
}

TEST_CASE("result: takes what can only be moved, and converts to the value's type", "[core]") {
    const auto make = []() -> result<std::unique_ptr<int>> { return std::make_unique<int>(5); };
    auto made = make();
    REQUIRE(made);
    const std::unique_ptr<int> owned = std::move(made).value();
    CHECK(*owned == 5);
    const result<std::string> text = "plain";
    CHECK(text->size() == 5);
    result<std::string> assigned = error{errc::io, "x"};
    assigned = text;
    CHECK(*assigned == "plain");
}

TEST_CASE("error: codes have names, and what() says where", "[core]") {
    const std::string_view names[] = {"ok",         "not_found", "already_exists",     "invalid_argument",
                                      "corruption", "io",        "resource_exhausted", "unavailable",
                                      "cancelled",  "timed_out", "unsupported",        "internal"};
    for (std::size_t i = 0; i < std::size(names); ++i) CHECK(to_string(static_cast<errc>(i)) == names[i]);
    CHECK(to_string(static_cast<errc>(200)) == "unknown");
    CHECK(vecstore::corruption("bad block", "a/b.part", 65'536).what() ==
          "corruption: bad block [a/b.part, offset 65536]");
    CHECK(error{errc::io, "refused", "a", 5}.what() == "io: refused [a]");
    CHECK(error{errc::internal, "oops"}.what() == "internal: oops");
}

TEST_CASE("result: what value() of a temporary gives outlives the statement's range", "[core]") {
    const auto numbers = [] { return vecstore::result<std::vector<int>>(std::vector<int>{1, 2, 3}); };
    static_assert(!std::is_reference_v<decltype(numbers().value())>);
    int sum = 0;
    for (const int n : numbers().value()) sum += n;
    CHECK(sum == 6);
}
