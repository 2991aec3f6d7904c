// A field has a whole number of values.
// expect: no match for .*operator>|invalid operands|constraints not satisfied
#include <vecstore/filter/dsl.hpp>

int main() {
    auto filter = vecstore::field("tags").size() > 1;
#ifdef VECSTORE_MUST_FAIL
    filter = vecstore::field("tags").size() > 1.5;
#endif
    return filter.empty() ? 1 : 0;
}
