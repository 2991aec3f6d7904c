// A place lies within an area; a number is none.
// expect: no matching (member )?function
#include <vecstore/filter/dsl.hpp>

int main() {
    const vecstore::geo_radius area{{13.4, 52.5}, 1000.0};
    auto filter = vecstore::field("place").within(area);
#ifdef VECSTORE_MUST_FAIL
    filter = vecstore::field("place").within(1000.0);
#endif
    return filter.empty() ? 1 : 0;
}
