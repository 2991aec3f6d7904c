/// Hostile files of keys: refused, or opened by the right key alone; what is opened can be wrapped anew.
#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/keyring.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

using namespace vecstore;
using namespace vecstore::storage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (!encryption_available()) return 0;
    static const encryption_key key(std::array<std::byte, encryption_key::bytes>{std::byte{1}});
    static const auto right = keyring::create(key).value();
    // As it is, or laid over a right file at a place that the second byte chooses, with or without a right checksum.
    byte_vector file;
    if (size > 1 && data[0] % 4 != 0) {
        file.assign(right->file().begin(), right->file().end());
        for (std::size_t i = 2; i < size && data[1] + i - 2 < file.size(); ++i)
            file[data[1] + i - 2] = static_cast<std::byte>(data[i]);
        if (data[0] % 4 == 1) store_le(file.data() + 104, checksum64(byte_span(file).first(104)));
    } else {
        const auto bytes = byte_span(reinterpret_cast<const std::byte*>(data), size);
        file.assign(bytes.begin(), bytes.end());
    }
    const auto opened = keyring::open(file, key, "keys");
    if (!opened) {
        const auto code = opened.error().code;
        if (code != errc::corruption && code != errc::wrong_key && code != errc::unsupported) __builtin_trap();
        return 0;
    }
    const auto again = (*opened)->wrapped_by(key);
    if (!again || !keyring::open(*again, key, "keys")) __builtin_trap();
    return 0;
}
