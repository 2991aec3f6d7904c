// A result must be looked at.
// expect: ignoring return.*nodiscard
#include <vecstore/core/result.hpp>

vecstore::result<void> erase_something() { return {}; }

int main() {
#ifdef VECSTORE_MUST_FAIL
    erase_something();
#else
    return erase_something().has_value() ? 0 : 1;
#endif
}
