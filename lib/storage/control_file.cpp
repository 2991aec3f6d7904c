#include <vecstore/storage/checksum.hpp>
#include <vecstore/storage/control_file.hpp>

#include <optional>

namespace vecstore::storage {
namespace {

constexpr std::uint64_t control_magic = 0x4C52'544E'4F43'5356;  // "VSCONTRL"
constexpr std::size_t covered_bytes = 72;

struct slot {
    std::uint64_t generation = 0;
    control_state state;
};

byte_vector encode_slot(const slot& value) {
    byte_writer out;
    out.put(control_magic);
    out.put(value.generation);
    out.put_bytes(value.state.database_uuid);
    out.put(value.state.format_version);
    out.put(value.state.checkpoint_chain);
    out.put(value.state.promised_term);
    out.put(value.state.checkpoint_lsn);
    out.put(value.state.checkpoint_term);
    out.put(value.state.durable_lsn);
    out.put(checksum64(out.bytes()));
    auto bytes = std::move(out).take();
    bytes.resize(control_slot_bytes);
    return bytes;
}

std::optional<slot> decode_slot(byte_span bytes) noexcept {
    if (bytes.size() < covered_bytes + 8) return std::nullopt;
    if (load_le<std::uint64_t>(bytes.data() + covered_bytes) != checksum64(bytes.first(covered_bytes)))
        return std::nullopt;
    byte_reader in(bytes);
    if (in.get<std::uint64_t>() != control_magic) return std::nullopt;
    slot value;
    value.generation = in.get<std::uint64_t>();
    std::memcpy(value.state.database_uuid.data(), in.get_bytes(16).data(), 16);
    value.state.format_version = in.get<std::uint32_t>();
    value.state.checkpoint_chain = in.get<std::uint32_t>();
    value.state.promised_term = in.get<std::uint64_t>();
    value.state.checkpoint_lsn = in.get<std::uint64_t>();
    value.state.checkpoint_term = in.get<std::uint64_t>();
    value.state.durable_lsn = in.get<std::uint64_t>();
    return value;
}

std::string control_path(const std::string& directory) { return join_path(directory, "control"); }

}  // namespace

result<control_file> control_file::create(file_system& files, const std::string& directory,
                                          const control_state& state) {
    const auto path = control_path(directory);
    if (files.exists(path)) return error{errc::already_exists, "there is a database here", path, 0};
    // Written whole under another name first: a crash leaves no control file or a right one, never half of one.
    auto image = encode_slot({1, state});
    image.resize(2 * control_slot_bytes);
    VECSTORE_CHECK(write_file(files, path, image));
    VECSTORE_TRY(auto slots, files.open(path, open_mode::read_write));
    control_file made(std::move(slots), false);
    made.state_ = state;
    made.generation_ = 1;
    return made;
}

result<control_file> control_file::open(file_system& files, const std::string& directory, bool read_only) {
    const auto path = control_path(directory);
    VECSTORE_TRY(auto slots, files.open(path, read_only ? open_mode::read : open_mode::read_write));
    byte_vector image(2 * control_slot_bytes);
    VECSTORE_TRY(const auto count, slots->read_at(0, image));
    image.resize(count);
    control_file opened(std::move(slots), read_only);
    for (std::size_t i = 0; i < 2; ++i) {
        const auto at = i * control_slot_bytes;
        const auto bytes = at < image.size() ? byte_span(image).subspan(at) : byte_span{};
        const auto found = decode_slot(bytes);
        if (!found) {
            // The second slot of a file that was just made is zero, which is no damage.
            bool zero = bytes.size() >= control_slot_bytes;
            for (const auto byte : bytes) zero = zero && byte == std::byte{0};
            opened.was_damaged_ = opened.was_damaged_ || !zero;
        } else if (found->generation > opened.generation_) {
            opened.generation_ = found->generation;
            opened.state_ = found->state;
            opened.slot_ = i;
        }
    }
    if (opened.generation_ == 0) return corruption("both slots of the control file are damaged", path, 0);
    return opened;
}

result<void> control_file::store(const control_state& state) {
    if (read_only_) return error{errc::unsupported, "opened read-only", file_->path(), 0};
    if (failed_) return error{errc::unavailable, "an earlier store failed", file_->path(), 0};
    const auto slot = 1 - slot_;
    const auto image = encode_slot({generation_ + 1, state});
    auto outcome = file_->write_at(slot * control_slot_bytes, image);
    if (outcome) outcome = file_->sync();
    if (!outcome) {
        failed_ = true;  // which of the two states is on disk is not known
        return outcome;
    }
    state_ = state;
    ++generation_;
    slot_ = slot;
    return {};
}

}  // namespace vecstore::storage
