/// Hostile files of a replica: an error, or an identity whose promise can be raised and read again.
#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/memory_file_system.hpp>

#include <replication/replica_file.hpp>

#include <cstddef>
#include <cstdint>

using namespace vecstore;
using namespace vecstore::replication;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    storage::memory_file_system files;
    files.create_directories("d").value();
    const byte_span input(reinterpret_cast<const std::byte*>(data), size);
    byte_vector image(input.begin(), input.end());
    // Of even length: with a right checksum, where the length of the members says that it is to be.
    if (image.size() >= 88 && image.size() % 2 == 0) {
        const auto covered = 80 + load_le<std::uint32_t>(image.data() + 20) % 1'200;
        image.resize(2 * replica_slot_bytes);
        store_le(image.data() + 20, static_cast<std::uint32_t>(covered - 80));
        store_le(image.data() + covered, storage::checksum64(byte_span(image).first(covered)));
    }
    files.open("d/replica", storage::open_mode::create).value()->write_at(0, image).value();
    auto opened = replica_file::open(files, "d");
    if (!opened) {
        if (opened.error().code != errc::corruption && opened.error().code != errc::unsupported) __builtin_trap();
        return 0;
    }
    auto promised = opened->identity().promised;
    promised.node[0] ^= std::byte{1};
    if (auto stored = opened->store(promised); !stored) {
        if (stored.error().code != errc::resource_exhausted) __builtin_trap();  // the last generation
        return 0;
    }
    if (replica_file::open(files, "d")->identity() != opened->identity()) __builtin_trap();
    return 0;
}
