// Texts have no order that a filter knows: a date must be parsed, so that it is no other text by mistake.
// expect: no match for .*operator<|no viable|invalid operands
#include <vecstore/filter/dsl.hpp>

#include <string>

int main() {
    const auto bound = vecstore::datetime::from_us(0);
    auto filter = vecstore::field("seen") < bound;
#ifdef VECSTORE_MUST_FAIL
    filter = vecstore::field("seen") < std::string("2024-01-01");
#endif
    return filter.empty() ? 1 : 0;
}
