/// Recovery on hostile logs. The first byte chooses: raw bytes as a segment; a right header before raw records; or a
/// right log with bytes changed. Whatever comes, recovery must end in a value, give records in order, be idempotent,
/// and leave a log to which a writer can append.
#include <support/log_trace.hpp>

#include <cstddef>
#include <cstdint>

namespace {

using namespace vecstore;

void require(bool condition) {
    if (!condition) __builtin_trap();
}

byte_vector changed_log(byte_span input) {
    storage::memory_file_system files;
    auto options = test::small_segments(1u << 20);
    options.allocate_bytes = 0;
    auto log = test::open_log(files, options);
    byte_reader in(input);
    const auto records = 1 + in.get<std::uint8_t>() % 20u;
    const auto batch = 1 + in.get<std::uint8_t>() % 4u;
    while (log.last_lsn() < records) {
        require(test::append_trace(log, log.last_lsn() + batch, batch).has_value());
        if (in.get<std::uint8_t>() % 2 == 0) require(log.sync().has_value());
    }
    const auto name = to_string(wal::list_segments(files, "wal").value().front());
    auto bytes = storage::read_file(files, "wal/" + name).value();
    while (in.remaining() >= 3) {
        const auto at = in.get<std::uint16_t>();
        const auto change = in.get<std::uint8_t>();
        if (change == 0)
            bytes.resize(std::min<std::size_t>(bytes.size(), at));
        else if (at < bytes.size())
            bytes[at] ^= std::byte{change};
    }
    return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const byte_span input(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
    byte_vector bytes;
    if (data[0] % 3 == 0) {
        bytes.assign(input.begin(), input.end());
    } else if (data[0] % 3 == 1) {
        wal::segment_header header;
        header.first_term = 1;
        header.salt = 7;
        bytes = wal::encode_segment_header(header);
        bytes.insert(bytes.end(), input.begin(), input.end());
    } else {
        bytes = changed_log(input);
    }
    storage::memory_file_system files;
    files.create_directories("wal").value();
    const auto path = "wal/" + wal::to_string(wal::segment_name{1, 1});
    files.open(path, storage::open_mode::create).value()->write_at(0, bytes).value();

    const auto reading = test::replay(files, {.read_only = true});
    const auto first = test::replay(files);
    require(reading.scan.has_value() == first.scan.has_value());
    if (!first.scan) {
        require(first.last_lsn == 0);
        return 0;
    }
    require(reading.last_lsn == first.last_lsn);
    if (data[0] % 3 == 2) require(first.all_right);
    const auto second = test::replay(files);
    require(second.scan.has_value() && second.scan->torn_bytes == 0);
    require(second.scan->end.last_lsn == first.scan->end.last_lsn && second.scan->end.chain == first.scan->end.chain);
    auto log = wal::writer::open(files, "wal", test::small_segments(), second.scan->end).value();
    require(test::append_trace(log, log.last_lsn() + 2).has_value() && log.sync().has_value());
    require(test::replay(files, {.known_durable_lsn = log.last_lsn()}).last_lsn == log.last_lsn());
    return 0;
}
