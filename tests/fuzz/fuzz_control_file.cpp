/// Hostile control files: an error, or a state that can be stored and read again.
#include <vecstore/storage/control_file.hpp>
#include <vecstore/storage/memory_file_system.hpp>

#include <cstddef>
#include <cstdint>

using namespace vecstore;
using namespace vecstore::storage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    memory_file_system files;
    files.create_directories("d").value();
    // Over a right file with two slots, or alone: the first byte chooses.
    if (size > 0 && data[0] % 2 == 1) {
        auto made = control_file::create(files, "d", {.checkpoint_lsn = 1}).value();
        made.store({.checkpoint_lsn = 2}).value();
    }
    const auto offset = size > 1 ? data[1] * std::uint64_t{32} : 0;
    const byte_span laid_over(reinterpret_cast<const std::byte*>(data), size);
    files.open("d/control", open_mode::create).value()->write_at(offset, laid_over).value();
    auto opened = control_file::open(files, "d");
    if (!opened) {
        if (opened.error().code != errc::corruption) __builtin_trap();
        return 0;
    }
    auto state = opened->state();
    ++state.checkpoint_lsn;
    opened->store(state).value();
    if (control_file::open(files, "d").value().state() != state) __builtin_trap();
    return 0;
}
