#include "replica_file.hpp"

#include <vecstore/storage/checksum.hpp>

#include <array>
#include <limits>
#include <optional>

namespace vecstore::replication {
namespace {

constexpr std::uint64_t replica_magic = 0x4349'4C50'4552'5356;  // "VSREPLIC"
constexpr std::size_t fixed_bytes = 80;
constexpr std::size_t checksum_bytes = 8;

struct slot {
    std::uint64_t generation = 0;
    std::uint32_t version = replica_file_version;
    replica_identity identity;
};

byte_vector encode_slot(const slot& value) {
    const auto members = encode_membership(value.identity.first_members);
    byte_writer out;
    out.put(replica_magic);
    out.put(value.generation);
    out.put(value.version);
    out.put(static_cast<std::uint32_t>(members.size()));
    put(out, value.identity.cluster);
    put(out, value.identity.node);
    out.put(value.identity.promised.term);
    put(out, value.identity.promised.node);
    out.put_bytes(members);
    out.put(storage::checksum64(out.bytes()));
    auto bytes = std::move(out).take();
    bytes.resize(replica_slot_bytes);
    return bytes;
}

std::optional<slot> decode_slot(byte_span bytes) {
    if (bytes.size() < replica_slot_bytes) return std::nullopt;
    byte_reader in(bytes);
    slot value;
    if (in.get<std::uint64_t>() != replica_magic) return std::nullopt;
    value.generation = in.get<std::uint64_t>();
    if (value.generation == 0) return std::nullopt;
    value.version = in.get<std::uint32_t>();
    const std::size_t members = in.get<std::uint32_t>();
    if (members > replica_slot_bytes - fixed_bytes - checksum_bytes) return std::nullopt;
    const auto covered = bytes.first(fixed_bytes + members);
    if (load_le<std::uint64_t>(bytes.data() + covered.size()) != storage::checksum64(covered)) return std::nullopt;
    value.identity.cluster = get_node_id(in);
    value.identity.node = get_node_id(in);
    value.identity.promised.term = in.get<std::uint64_t>();
    value.identity.promised.node = get_node_id(in);
    if (value.version > replica_file_version) return value;  // what follows may be something else
    auto decoded = decode_membership(in.get_bytes(members));
    if (!decoded) return std::nullopt;
    value.identity.first_members = *std::move(decoded);
    return value;
}

std::string path_in(const std::string& directory) { return storage::join_path(directory, "replica"); }

}  // namespace

result<replica_file> replica_file::create(storage::file_system& files, const std::string& directory,
                                          const replica_identity& identity) {
    const auto path = path_in(directory);
    if (files.exists(path)) return error{errc::already_exists, "there is a replica here", path, 0};
    if (auto members = decode_membership(encode_membership(identity.first_members)); !members)
        return invalid_argument("first_members: " + members.error().message);
    auto image = encode_slot({1, replica_file_version, identity});
    const auto once = image;
    image.insert(image.end(), once.begin(), once.end());
    VECSTORE_CHECK(storage::write_file(files, path, image));
    return open(files, directory);
}

result<replica_file> replica_file::open(storage::file_system& files, const std::string& directory) {
    const auto path = path_in(directory);
    VECSTORE_TRY(auto slots, files.open(path, storage::open_mode::read_write));
    byte_vector image(2 * replica_slot_bytes);
    VECSTORE_TRY(const auto count, slots->read_at(0, image));
    image.resize(count);
    replica_file opened(std::move(slots));
    for (std::size_t i = 0; i < 2; ++i) {
        const auto at = i * replica_slot_bytes;
        auto found = decode_slot(at < image.size() ? byte_span(image).subspan(at) : byte_span{});
        if (!found) {
            opened.was_damaged_ = true;
            continue;
        }
        if (found->version > replica_file_version)
            return error{errc::unsupported,
                         "format version " + std::to_string(found->version) + " is newer than this library's " +
                             std::to_string(replica_file_version),
                         path, 0};
        if (found->generation <= opened.generation_) continue;
        opened.generation_ = found->generation;
        opened.identity_ = std::move(found->identity);
    }
    if (opened.generation_ == 0) return corruption("both slots of the replica's file are damaged", path, 0);
    return opened;
}

result<void> replica_file::store(const promised_leader& promised) {
    if (failed_) return error{errc::unavailable, "an earlier store failed", file_->path(), 0};
    if (promised.term < identity_.promised.term)
        return invalid_argument("promised.term: " + std::to_string(promised.term) + " is earlier than " +
                                std::to_string(identity_.promised.term));
    if (generation_ == std::numeric_limits<std::uint64_t>::max())
        return error{errc::resource_exhausted, "no generation is left", file_->path(), 0};
    auto next = identity_;
    next.promised = promised;
    const auto image = encode_slot({generation_ + 1, replica_file_version, next});
    for (const std::uint64_t at : {std::uint64_t{0}, std::uint64_t{replica_slot_bytes}}) {
        auto outcome = file_->write_at(at, image);
        if (outcome) outcome = file_->sync();
        if (outcome) continue;
        failed_ = true;  // which of the two is on disk is not known
        return outcome;
    }
    identity_ = std::move(next);
    ++generation_;
    return {};
}

}  // namespace vecstore::replication
