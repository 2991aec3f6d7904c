/// Options for tests of encrypted stores.
/// Thread safety: functions without state.
#pragma once

#include "support/encryption.hpp"
#include "support/store.hpp"

namespace vecstore::test {

/// Without a thread of its own, and encrypted if this build can.
[[nodiscard]] inline database_options quiet_encrypted(std::uint8_t fill = 1) {
    auto options = quiet();
    if (storage::encryption_available()) options.encryption = key_of(fill);
    return options;
}

}  // namespace vecstore::test
