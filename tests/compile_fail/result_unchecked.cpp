// A result does not turn into its value in silence: the failure would be lost.
// expect: cannot convert|no viable conversion
#include <vecstore/core/result.hpp>

vecstore::result<int> count() { return 1; }

int main() {
#ifdef VECSTORE_MUST_FAIL
    const int n = count();
#else
    const int n = count().value_or(1);
#endif
    return n - 1;
}
