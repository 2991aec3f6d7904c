/// Opening hostile block files. The first byte chooses: raw bytes, or bytes whose header and root checksum are made
/// right, so that what lies behind the checksums is reached. No read may leave the file.
#include <vecstore/storage/block_file.hpp>
#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/memory_file_system.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

using namespace vecstore;
using namespace vecstore::storage;

constexpr auto kind = fourcc("FUZZ");

/// Takes a right file and lays the input over its footer (or its data), then mends the checksums as an attacker would.
byte_vector mended(std::uint8_t mode, byte_span input) {
    memory_file_system files;
    files.create_directories("d").value();
    auto out = block_file_writer::create(files, "d/f", kind, 1).value();
    out.begin_section(fourcc("ABCD")).value();
    out.append(input).value();
    out.begin_section(fourcc("EFGH"), 4096).value();
    out.append(input.first(input.size() / 2)).value();
    (void)out.finish().value();
    auto bytes = read_file(files, "d/f").value();
    byte_reader in(input);
    while (in.remaining() >= 3) {
        const auto back = in.get<std::uint16_t>() % 160u;
        const auto change = std::byte{in.get<std::uint8_t>()};
        if (back < bytes.size()) bytes[bytes.size() - 1 - back] ^= change;
    }
    if (mode % 2 == 1) {
        std::memcpy(bytes.data() + bytes.size() - 8, "VSBLKEND", 8);
        const auto tail = bytes.size() - 64;
        const auto data_end = load_le<std::uint64_t>(bytes.data() + tail);
        if (data_end <= tail)
            store_le(bytes.data() + tail + 48, checksum64(byte_span(bytes).subspan(data_end, tail + 48 - data_end)));
    }
    return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const byte_span input(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
    const auto bytes = data[0] % 4 == 0 ? byte_vector(input.begin(), input.end()) : mended(data[0] % 4, input);
    memory_file_system files;
    files.create_directories("d").value();
    files.open("d/f", open_mode::create).value()->write_at(0, bytes).value();
    const auto opened = block_file::open(files, "d/f", kind, verify_mode::footer);
    if (!opened) {
        if (opened.error().code != errc::corruption) __builtin_trap();
        return 0;
    }
    (void)(*opened)->verify();
    std::uint64_t sum = 0;
    for (const auto name : {fourcc("ABCD"), fourcc("EFGH"), fourcc("none")}) {
        const auto section = (*opened)->section(name);
        if (section) sum += checksum64(*section);  // touches every byte
    }
    return sum == 1 ? 1 : 0;
}
