/// Hostile manifests of snapshots: an error, or one that is encoded to the same bytes and whose paths stay inside.
/// The checksum is made right, so that the parser behind it is reached.
#include <vecstore/storage/checksum.hpp>

#include <database/snapshot_manifest.hpp>

#include <cstddef>
#include <cstdint>

using namespace vecstore;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_span given(reinterpret_cast<const std::byte*>(data), size);
    (void)detail::decode_manifest(given, "m");
    byte_vector bytes(given.begin(), given.end());
    if (bytes.size() < 8) return 0;
    const auto covered = byte_span(bytes).first(bytes.size() - 8);
    store_le(bytes.data() + covered.size(), storage::checksum64(covered));
    const auto manifest = detail::decode_manifest(bytes, "m");
    if (!manifest) {
        if (manifest.error().code != errc::corruption && manifest.error().code != errc::unsupported) __builtin_trap();
        return 0;
    }
    for (const auto& file : manifest->files)
        if (file.path.empty() || file.path.front() == '/' || ("/" + file.path + "/").find("/../") != std::string::npos)
            __builtin_trap();
    const auto again = detail::decode_manifest(detail::encode_manifest(*manifest), "m");
    if (!again || *again != *manifest) __builtin_trap();
    return 0;
}
