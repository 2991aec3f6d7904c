#include "snapshot_manifest.hpp"

#include <vecstore/storage/checksum.hpp>

#include <algorithm>
#include <cstring>

namespace vecstore::detail {
namespace {

constexpr std::uint64_t magic = 0x3130'5041'4E53'5356;  // "VSSNAP01"
constexpr std::uint32_t flag_state_hash = 1;
constexpr std::size_t header_bytes = 72;
constexpr std::size_t entry_bytes_min = 4 + 1 + 8 + hash128_bytes + 8;
constexpr std::size_t checksum_bytes = 8;

/// True for "a/b", false for whatever could lead out of the directory.
bool is_inside(std::string_view path) noexcept {
    if (path.empty() || path.size() > snapshot_path_bytes_max) return false;
    while (true) {
        const auto end = std::min(path.find('/'), path.size());
        const auto name = path.substr(0, end);
        if (name.empty() || name == "." || name == ".." || name.find('\0') != std::string_view::npos) return false;
        if (end == path.size()) return true;
        path.remove_prefix(end + 1);
    }
}

/// Reads a file piece by piece.
template <class Use>
result<snapshot_file> read_pieces(const storage::file& file, const Use& use) {
    constexpr std::size_t piece_bytes = 1u << 20;
    snapshot_file found;
    storage::running_checksum128 sum;
    byte_vector piece(piece_bytes);
    for (;;) {
        VECSTORE_TRY(const auto count, file.read_at(found.bytes, piece));
        if (count == 0) break;
        const auto bytes = byte_span(piece).first(count);
        VECSTORE_CHECK(use(found.bytes, bytes));
        sum.add(bytes);
        found.bytes += count;
    }
    found.checksum = sum.value();
    return found;
}

}  // namespace

const snapshot_file* snapshot_manifest::find(std::string_view path) const noexcept {
    const auto at = std::lower_bound(files.begin(), files.end(), path,
                                     [](const snapshot_file& file, std::string_view p) { return file.path < p; });
    return at != files.end() && at->path == path ? &*at : nullptr;
}

byte_vector encode_manifest(const snapshot_manifest& manifest) {
    byte_writer out;
    out.put(magic);
    out.put(snapshot_manifest_version);
    out.put(manifest.chain);
    out.put_bytes(manifest.database_uuid);
    out.put(manifest.lsn);
    out.put(manifest.term);
    out.put(manifest.state_hash ? flag_state_hash : std::uint32_t{0});
    out.put(static_cast<std::uint32_t>(manifest.files.size()));
    put(out, manifest.state_hash.value_or(hash128{}));
    for (const auto& file : manifest.files) {
        out.put_sized(file.path);
        out.put(file.bytes);
        put(out, file.checksum);
        out.put(file.root);
    }
    out.put(storage::checksum64(out.bytes()));
    return std::move(out).take();
}

result<snapshot_manifest> decode_manifest(byte_span bytes, const std::string& path) {
    if (bytes.size() < header_bytes + checksum_bytes || load_le<std::uint64_t>(bytes.data()) != magic)
        return corruption("this is no manifest of a snapshot", path, 0);
    const auto covered = bytes.first(bytes.size() - checksum_bytes);
    if (load_le<std::uint64_t>(bytes.data() + covered.size()) != storage::checksum64(covered))
        return corruption("the manifest's checksum differs", path, 0);
    byte_reader in(covered.subspan(sizeof(magic)));
    if (const auto version = in.get<std::uint32_t>(); version != snapshot_manifest_version)
        return error{errc::unsupported, "a snapshot of version " + std::to_string(version), path, 0};
    snapshot_manifest manifest;
    manifest.chain = in.get<std::uint32_t>();
    std::memcpy(manifest.database_uuid.data(), in.get_bytes(16).data(), 16);
    manifest.lsn = in.get<std::uint64_t>();
    manifest.term = in.get<std::uint64_t>();
    const auto flags = in.get<std::uint32_t>();
    const auto count = in.get<std::uint32_t>();
    const auto hash = get_hash128(in);
    if (flags == flag_state_hash) manifest.state_hash = hash;
    if (flags > flag_state_hash || count > in.remaining() / entry_bytes_min)
        return corruption("the manifest does not parse", path, 48);
    manifest.files.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto at = sizeof(magic) + in.position();
        snapshot_file file;
        file.path = as_text(in.get_sized());
        file.bytes = in.get<std::uint64_t>();
        file.checksum = get_hash128(in);
        file.root = in.get<std::uint64_t>();
        const bool ascending = manifest.files.empty() || manifest.files.back().path < file.path;
        if (in.failed() || !is_inside(file.path) || !ascending)
            return corruption("a file of the manifest does not parse", path, at);
        manifest.files.push_back(std::move(file));
    }
    if (!in.finished()) return corruption("the manifest has more than it says", path, sizeof(magic) + in.position());
    return manifest;
}

result<snapshot_manifest> read_manifest(storage::file_system& files, const std::string& directory) {
    const auto path = storage::join_path(directory, snapshot_manifest_name);
    if (!files.exists(path)) return error{errc::not_found, "no snapshot here", directory, 0};
    VECSTORE_TRY(const auto bytes, storage::read_file(files, path));
    return decode_manifest(bytes, path);
}

result<snapshot_file> sum_file(storage::file_system& files, const std::string& path) {
    VECSTORE_TRY(const auto file, files.open(path, storage::open_mode::read));
    return read_pieces(*file, [](std::uint64_t, byte_span) { return result<void>(); });
}

result<snapshot_file> copy_file(storage::file_system& from_files, const std::string& from,
                                storage::file_system& to_files, const std::string& to) {
    VECSTORE_TRY(const auto source, from_files.open(from, storage::open_mode::read));
    VECSTORE_TRY(const auto target, to_files.open(to, storage::open_mode::create_new));
    VECSTORE_TRY(const auto copied,
                 read_pieces(*source, [&](std::uint64_t at, byte_span bytes) { return target->write_at(at, bytes); }));
    VECSTORE_CHECK(target->sync());
    return copied;
}

result<void> check_file(const snapshot_file& wanted, const snapshot_file& found, const std::string& path) {
    if (found.bytes != wanted.bytes)
        return corruption("the file has " + std::to_string(found.bytes) + " bytes, the snapshot's manifest says " +
                              std::to_string(wanted.bytes),
                          path, std::min(found.bytes, wanted.bytes));
    if (found.checksum != wanted.checksum)
        return corruption("the file differs from its checksum in the snapshot's manifest", path, 0);
    return {};
}

result<void> sync_tree(storage::file_system& files, const std::string& directory) {
    VECSTORE_TRY(const auto names, files.list(directory));
    for (const auto& name : names) {
        const auto path = storage::join_path(directory, name);
        if (files.list(path)) VECSTORE_CHECK(sync_tree(files, path));
    }
    return files.sync_directory(directory);
}

}  // namespace vecstore::detail
