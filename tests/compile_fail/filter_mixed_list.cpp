// A list holds texts or integers, never both.
// expect: no matching (member )?function
#include <vecstore/filter/dsl.hpp>

int main() {
    auto filter = vecstore::field("a").any_of({"x", "y"});
#ifdef VECSTORE_MUST_FAIL
    filter = vecstore::field("a").any_of({"x", 1});
#endif
    return filter.empty() ? 1 : 0;
}
