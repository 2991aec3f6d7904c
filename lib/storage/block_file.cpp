#include <vecstore/storage/block_file.hpp>
#include <vecstore/storage/checksum.hpp>

#include <algorithm>
#include <bit>

namespace vecstore::storage {
namespace {

constexpr std::size_t header_bytes = 64;
constexpr std::size_t tail_bytes = 64;
constexpr std::size_t section_entry_bytes = 24;
constexpr std::size_t buffer_bytes = 16 * block_bytes;
constexpr std::uint64_t header_magic = 0x314B'434F'4C42'5356;  // "VSBLOCK1"
constexpr std::uint64_t tail_magic = 0x444E'454B'4C42'5356;    // "VSBLKEND"

byte_vector encode_header(std::uint32_t kind, std::uint32_t version) {
    byte_writer out;
    out.put(header_magic);
    out.put(kind);
    out.put(version);
    while (out.size() < header_bytes - 8) out.put(std::uint64_t{0});
    out.put(checksum64(out.bytes()));
    return std::move(out).take();
}

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t alignment) noexcept {
    return (value + alignment - 1) & ~(alignment - 1);
}

}  // namespace

block_file_writer::block_file_writer(file_system& files, std::string path, std::uint32_t kind, std::uint32_t version)
    : files_(&files), path_(std::move(path)), kind_(kind), version_(version) {}

block_file_writer::block_file_writer(block_file_writer&&) noexcept = default;

block_file_writer::~block_file_writer() { abandon(); }

void block_file_writer::abandon() noexcept {
    if (!file_) return;
    file_.reset();
    (void)files_->remove(temporary_path());  // a left-over is overwritten by the next writer of this name
}

result<block_file_writer> block_file_writer::create(file_system& files, std::string path, std::uint32_t kind,
                                                    std::uint32_t version) {
    block_file_writer made(files, std::move(path), kind, version);
    VECSTORE_TRY(made.file_, files.open(made.temporary_path(), open_mode::create));
    VECSTORE_CHECK(made.file_->truncate(0));
    made.buffer_ = encode_header(kind, version);
    return made;
}

void block_file_writer::end_section() noexcept {
    if (in_section_) sections_.back().bytes = bytes() - sections_.back().offset;
    in_section_ = false;
}

result<void> block_file_writer::begin_section(std::uint32_t name, std::size_t alignment) {
    if (!std::has_single_bit(alignment) || alignment < 64 || alignment > block_bytes)
        return invalid_argument("alignment: " + std::to_string(alignment) + " is no power of two from 64 to 65536");
    if (sections_.size() == block_file_sections_max) return invalid_argument("sections: more than 1024");
    for (const auto& before : sections_)
        if (before.name == name) return error{errc::already_exists, "section name used twice", path_, 0};
    end_section();
    const byte_vector padding(static_cast<std::size_t>(round_up(bytes(), alignment) - bytes()));
    VECSTORE_CHECK(put(padding));
    sections_.push_back({name, bytes(), 0});
    in_section_ = true;
    return {};
}

result<void> block_file_writer::append(byte_span bytes) {
    if (!in_section_) return error{errc::internal, "append outside a section", path_, 0};
    return put(bytes);
}

result<void> block_file_writer::put(byte_span bytes) {
    if (!file_) return error{errc::unavailable, "the writer has ended", path_, 0};
    while (!bytes.empty()) {
        const auto count = std::min(bytes.size(), buffer_bytes - buffer_.size());
        buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
        bytes = bytes.subspan(count);
        if (buffer_.size() < buffer_bytes) continue;
        if (auto flushed = flush_blocks(false); !flushed) {
            abandon();
            return flushed;
        }
    }
    return {};
}

/// Writes the buffer: whole blocks only, until the final call.
result<void> block_file_writer::flush_blocks(bool final_block) {
    const auto count = final_block ? buffer_.size() : buffer_.size() / block_bytes * block_bytes;
    for (std::size_t at = 0; at < count; at += block_bytes)
        checksums_.push_back(
            checksum64(byte_span(buffer_).subspan(at, std::min(block_bytes, count - at)), checksums_.size()));
    VECSTORE_CHECK(file_->write_at(offset_, byte_span(buffer_).first(count)));
    offset_ += count;
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(count));
    return {};
}

byte_vector block_file_writer::footer() {
    const auto data_end = offset_;
    byte_writer out;
    for (const auto checksum : checksums_) out.put(checksum);
    for (const auto& each : sections_) {
        out.put(each.name);
        out.put(std::uint32_t{0});
        out.put(each.offset);
        out.put(each.bytes);
    }
    const auto file_bytes = data_end + out.size() + tail_bytes;
    out.put(data_end);
    out.put(std::uint64_t{checksums_.size()});
    out.put(static_cast<std::uint32_t>(sections_.size()));
    out.put(kind_);
    out.put(version_);
    out.put(std::uint32_t{0});
    out.put(file_bytes);
    out.put(std::uint64_t{0});
    out.put(checksum64(out.bytes()));
    out.put(tail_magic);
    return std::move(out).take();
}

result<std::uint64_t> block_file_writer::finish() {
    auto root = complete();
    abandon();
    return root;
}

result<std::uint64_t> block_file_writer::complete() {
    if (!file_) return error{errc::unavailable, "the writer has ended", path_, 0};
    end_section();
    const byte_vector padding(static_cast<std::size_t>(round_up(bytes(), 64) - bytes()));
    VECSTORE_CHECK(put(padding));
    VECSTORE_CHECK(flush_blocks(true));
    const auto end = footer();
    VECSTORE_CHECK(file_->write_at(offset_, end));
    VECSTORE_CHECK(file_->sync());
    VECSTORE_CHECK(files_->rename(temporary_path(), path_));
    file_.reset();
    VECSTORE_CHECK(files_->sync_directory(parent_directory(path_)));
    return load_le<std::uint64_t>(end.data() + end.size() - 16);
}

result<std::shared_ptr<const block_file>> block_file::open(file_system& files, const std::string& path,
                                                           std::uint32_t kind, verify_mode verify) {
    VECSTORE_TRY(auto bytes, files.map(path));
    std::shared_ptr<block_file> opened(new block_file(path, std::move(bytes)));
    VECSTORE_CHECK(opened->check_header(kind));
    VECSTORE_CHECK(opened->check_footer(kind));
    opened->states_ = std::make_unique<std::atomic<block_state>[]>(opened->block_count_);
    if (verify == verify_mode::all) VECSTORE_CHECK(opened->verify());
    return std::shared_ptr<const block_file>(std::move(opened));
}

result<void> block_file::check_header(std::uint32_t kind) const {
    const auto all = mapping_->bytes();
    if (all.size() < header_bytes + tail_bytes) return corruption("block file is cut short", path_, all.size());
    VECSTORE_CHECK(mapping_->fetch(0, header_bytes));
    byte_reader in(all.first(header_bytes));
    if (in.get<std::uint64_t>() != header_magic) return corruption("not a block file", path_, 0);
    const auto stored_kind = in.get<std::uint32_t>();
    if (load_le<std::uint64_t>(all.data() + header_bytes - 8) != checksum64(all.first(header_bytes - 8)))
        return corruption("block file header: checksum differs", path_, 0);
    if (stored_kind != kind) return corruption("block file is of another kind", path_, 8);
    return {};
}

result<void> block_file::check_footer(std::uint32_t kind) {
    const auto all = mapping_->bytes();
    const auto tail_at = all.size() - tail_bytes;
    VECSTORE_CHECK(mapping_->fetch(tail_at, tail_bytes));
    byte_reader in(all.subspan(tail_at));
    const auto damaged = [&](const char* what) { return corruption(what, path_, tail_at); };
    data_end_ = in.get<std::uint64_t>();
    block_count_ = in.get<std::uint64_t>();
    const auto section_count = in.get<std::uint32_t>();
    const auto stored_kind = in.get<std::uint32_t>();
    version_ = in.get<std::uint32_t>();
    const auto zero = in.get<std::uint32_t>();
    const auto file_bytes = in.get<std::uint64_t>();
    const auto zeros = in.get<std::uint64_t>();
    root_ = in.get<std::uint64_t>();
    if (in.get<std::uint64_t>() != tail_magic) return damaged("block file is cut short or its footer is damaged");
    // Bounds first, each small enough that the sums below cannot wrap; then the checksum over what they span.
    if (file_bytes != all.size() || data_end_ < header_bytes || data_end_ > tail_at ||
        section_count > block_file_sections_max || block_count_ != (data_end_ + block_bytes - 1) / block_bytes ||
        data_end_ + block_count_ * 8 + section_count * section_entry_bytes != tail_at)
        return damaged("block file footer: sizes do not add up");
    const auto covered = all.subspan(data_end_, tail_at + 48 - data_end_);
    VECSTORE_CHECK(mapping_->fetch(data_end_, covered.size()));
    if (checksum64(covered) != root_) return damaged("block file footer: checksum differs");
    if (stored_kind != kind || version_ != load_le<std::uint32_t>(all.data() + 12) || zero != 0 || zeros != 0)
        return damaged("block file footer: does not belong to its header");
    byte_reader table(covered.subspan(block_count_ * 8, section_count * section_entry_bytes));
    for (std::uint32_t i = 0; i < section_count; ++i) {
        const auto name = table.get<std::uint32_t>();
        const auto reserved = table.get<std::uint32_t>();
        const auto offset = table.get<std::uint64_t>();
        const auto bytes = table.get<std::uint64_t>();
        if (reserved != 0 || offset > data_end_ || bytes > data_end_ - offset || offset % 64 != 0)
            return damaged("block file footer: a section lies outside the file");
        sections_.push_back({name, offset, bytes});
    }
    return {};
}

const block_file::entry* block_file::find(std::uint32_t name) const noexcept {
    for (const auto& each : sections_)
        if (each.name == name) return &each;
    return nullptr;
}

bool block_file::has_section(std::uint32_t name) const noexcept { return find(name) != nullptr; }

result<byte_span> block_file::section(std::uint32_t name) const {
    const auto* found = find(name);
    if (found == nullptr) {
        std::string text(4, ' ');
        store_le(text.data(), name);
        return corruption("block file has no section \"" + text + "\"", path_, 0);
    }
    return mapping_->bytes().subspan(found->offset, found->bytes);
}

result<std::uint64_t> block_file::section_offset(std::uint32_t name) const {
    VECSTORE_TRY(const auto bytes, section(name));
    return static_cast<std::uint64_t>(bytes.data() - mapping_->bytes().data());
}

result<void> block_file::check(byte_span bytes, const file* reader) const {
    if (checked(bytes)) return {};
    const auto first = static_cast<std::uint64_t>(bytes.data() - mapping_->bytes().data());
    const auto block = first / block_bytes;
    return check_blocks(block, (first + bytes.size() - 1) / block_bytes - block + 1, reader);
}

result<void> block_file::check_blocks(std::uint64_t first, std::uint64_t count, const file* reader) const {
    if (all_checked() || first >= block_count_) return {};
    if (on_demand()) reader = nullptr;
    const auto last = first + std::min(count, block_count_ - first);
    for (auto block = first; block < last; ++block)
        if (states_[block].load(std::memory_order_acquire) != block_state::right)
            VECSTORE_CHECK(verify_block(block, reader));
    return {};
}

result<void> block_file::verify(std::uint64_t first, std::uint64_t count, const file* reader) const {
    if (first >= block_count_) return {};
    const auto last = first + std::min(count, block_count_ - first);
    for (auto block = first; block < last; ++block) VECSTORE_CHECK(verify_block(block, reader));
    return {};
}

result<void> block_file::verify_medium(std::uint64_t first, std::uint64_t count, const file& reader) const {
    if (first >= block_count_) return {};
    const auto bytes = std::min(count, block_count_ - first) * block_bytes;
    // The system does not forget what a process maps; what was decrypted is the process' own, and others may be reading it.
    if (!on_demand()) mapping_->release(first * block_bytes, bytes);
    reader.drop_cached(first * block_bytes, bytes);
    return verify(first, count, &reader);
}

result<byte_span> block_file::bytes_of_block(std::uint64_t block, const file* reader) const {
    const auto at = block * block_bytes;
    const auto bytes = mapping_->bytes().subspan(at, std::min<std::uint64_t>(block_bytes, data_end_ - at));
    if (reader == nullptr) {
        VECSTORE_CHECK(mapping_->fetch(at, bytes.size()));
        return bytes;
    }
    thread_local byte_vector buffer;
    buffer.resize(bytes.size());
    VECSTORE_TRY(const auto present, reader->read_at(at, buffer));
    return byte_span(buffer).first(present);  // fewer when the file was cut: another checksum
}

result<void> block_file::verify_block(std::uint64_t block, const file* reader) const {
    const auto damaged = [&] { return corruption("block checksum differs", path_, block * block_bytes); };
    if (states_[block].load(std::memory_order_relaxed) == block_state::damaged) return damaged();
    const auto bytes = bytes_of_block(block, reader);
    if (!bytes && bytes.error().code != errc::corruption) return bytes.error();
    const bool right =
        bytes && checksum64(*bytes, block) == load_le<std::uint64_t>(mapping_->bytes().data() + data_end_ + block * 8);
    // What was read by `reader` is not in a mapping on demand, and so not right for those who read there.
    if (!right || reader == nullptr || !on_demand()) note(block, right);
    return right ? result<void>{} : damaged();
}

void block_file::release(byte_span bytes) const noexcept {
    if (bytes.empty()) return;
    const auto begin = static_cast<std::uint64_t>(bytes.data() - mapping_->bytes().data());
    const auto first = (begin + block_bytes - 1) / block_bytes, last = (begin + bytes.size()) / block_bytes;
    if (first >= last) return;
    if (on_demand())
        for (auto block = first; block < last; ++block) {
            auto right = block_state::right;
            if (states_[block].compare_exchange_strong(right, block_state::unknown)) right_count_.fetch_sub(1);
            all_right_.store(false);
        }
    mapping_->release(first * block_bytes, (last - first) * block_bytes);
}

/// A block is counted once, whoever else looks at it. Damage stays: whoever completes the count looks for it after
/// raising `all_right_`, whoever finds damage counts it before lowering the flag, so one of them sees the other.
void block_file::note(std::uint64_t block, bool right) const noexcept {
    if (right) {
        auto unknown = block_state::unknown;
        if (!states_[block].compare_exchange_strong(unknown, block_state::right, std::memory_order_release,
                                                    std::memory_order_relaxed))
            return;
        if (right_count_.fetch_add(1) + 1 != block_count_) return;
        all_right_.store(true);
        if (damaged_count_.load() > 0) all_right_.store(false);
        return;
    }
    if (states_[block].exchange(block_state::damaged, std::memory_order_relaxed) == block_state::damaged) return;
    damaged_count_.fetch_add(1);
    all_right_.store(false);
}

}  // namespace vecstore::storage
