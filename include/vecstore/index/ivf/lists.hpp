/// The read-only form of inverted lists: bytes that are written once, mapped, and scanned in place.
/// Every number is little-endian; f32 values are finite. The values are on disk, do not renumber.
///
/// header, 72 bytes
/// | offset | what |
/// |---|---|
/// |  0 | u32 magic 0x56495356 ("VSIV") |
/// |  4 | u32 format version, 1 |
/// |  8 | u32 rows |
/// | 12 | u32 dim |
/// | 16 | u8 metric, u8 code (`ivf_code`), u16 zero |
/// | 20 | u32 lists, L > 0 |
/// | 24 | u32 blocks of all lists, B |
/// | 28 | f32 error of the codes: the root of the mean squared length of (row - what its code stands for) |
/// | 32 | u64 entries of all lists (a row may be in two) |
/// | 40 | u64 bytes of the model |
/// | 48 | u64 bytes of the codes |
/// | 56 | u64 bytes of the ids |
/// | 64 | u64 zero |
///
/// model: P = ceil(L / 32) panels of centroids (see fast_scan.hpp)
/// | what | shape |
/// |---|---|
/// | centroids | [P, dim, 32] f32; missing ones are 0 |
/// | half the squared length of each centroid | [P * 32] f32; of a missing one f32's maximum |
/// | table of lists | [L] of {u32 first block, u32 entries, f32 least term, f32 step of terms} |
/// | mean, taken from every row and query | [dim] f32 |
/// | codebook (pq4) | [subs, 3, 16] f32 |
/// | seed of the rotation (rabitq) | u64, see quantization/rotation.hpp |
/// | factors of each list (rabitq) | [L] of {f32 least scale, step of scales, least error, step of errors} |
/// | codec (int8) | 24 bytes, see quantization/scalar_codec.hpp: of u8, one grid |
///
/// codes: [B] blocks; of a flat list nothing, of pq4 and rabitq (sign blocks) see fast_scan.hpp, of int8 [32, code bytes], zero behind the last
/// entry. Lists lie in their order, each from a new block.
/// ids: [B, 32] u32 row numbers, 0xFFFFFFFF behind the last entry of a list.
///
/// There are no checksums here: the file that holds the blocks has them. `open` checks all that a search relies on, so
/// that damaged bytes which pass it cost recall, never memory safety.
#pragma once

#include <vecstore/core/bytes.hpp>
#include <vecstore/core/result.hpp>
#include <vecstore/core/types.hpp>
#include <vecstore/distance/metric.hpp>
#include <vecstore/quantization/fast_scan.hpp>
#include <vecstore/quantization/rotation.hpp>
#include <vecstore/quantization/scalar_codec.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace vecstore::index {

inline constexpr std::uint32_t ivf_magic = 0x5649'5356;
inline constexpr std::uint32_t ivf_version = 1;
inline constexpr std::size_t ivf_header_bytes = 72;
inline constexpr std::size_t ivf_lists_max = 65'536;

/// What a list holds of its rows besides their numbers. The values are on disk, do not renumber.
enum class ivf_code : std::uint8_t {
    flat = 1,  ///< nothing: every row of a probed list is compared by its original
    int8 = 2,  ///< a byte for each value: hardly more rows are compared by their originals than are returned
    pq4 = 3,   ///< 4 bits for each pair of values: few rows of a probed list are compared by their originals
    /// A sign for each value, after a rotation, and bounds; not for manhattan. Half the bytes of pq4, nothing trained but
    /// centroids. Measured, as fast as pq4 on sets of 128 and 384 dimensions (faster at recall 0.99), half as fast on one
    /// of 100 whose rows are all far from each other: there a sign says too little, and the bounds spare less.
    rabitq = 4,
};

/// The four blocks, as `build_ivf` makes them; how a file arranges them is the file's business.
struct ivf_bytes {
    byte_vector header;
    byte_vector model;
    byte_vector codes;
    byte_vector ids;
};

/// Thread safety: constant. Lifetime: borrows the blocks (mapped memory), which must outlive it.
class ivf_lists {
public:
    struct list {
        std::uint32_t first_block = 0;
        std::uint32_t entries = 0;
        float least_term = 0;
        float term_step = 0;
    };

    /// Of a list of rabitq: scales and errors of its rows, by level.
    struct sign_factors {
        quantization::level_scale scale;
        quantization::level_scale error;
    };

    /// Checks the blocks and looks at them in place, without a copy. `row_count` is the number of rows in the part.
    /// Alignment: the model must lie on a 4-byte boundary; 64 is fastest, as for the codes.
    /// Errors: corruption (any size, count, number or order that is not as the layout says).
    /// Cost:   one pass over model and ids (it pages them in).
    [[nodiscard]] static result<ivf_lists> open(byte_span header, byte_span model, byte_span codes, byte_span ids,
                                                row_id row_count);

    [[nodiscard]] row_id row_count() const noexcept { return row_count_; }
    [[nodiscard]] std::size_t dim() const noexcept { return dim_; }
    [[nodiscard]] vecstore::metric metric() const noexcept { return metric_; }
    [[nodiscard]] ivf_code code() const noexcept { return code_; }
    [[nodiscard]] std::size_t list_count() const noexcept { return list_count_; }
    [[nodiscard]] std::size_t panel_count() const noexcept {
        return (list_count_ + quantization::panel_rows - 1) / quantization::panel_rows;
    }
    [[nodiscard]] std::size_t subs() const noexcept {
        return code_ == ivf_code::pq4 ? (dim_ + 1) / 2 : code_ == ivf_code::rabitq ? (dim_ + 3) / 4 : 0;
    }
    [[nodiscard]] std::uint64_t entry_count() const noexcept { return entry_count_; }
    [[nodiscard]] float code_error() const noexcept { return code_error_; }
    /// Bytes of the codes of one block.
    [[nodiscard]] std::size_t code_block_bytes() const noexcept;
    [[nodiscard]] float term_step_max() const noexcept { return term_step_max_; }

    [[nodiscard]] const float* centroids() const noexcept { return floats(0); }
    [[nodiscard]] const float* half_norms() const noexcept { return floats(half_norms_at()); }
    [[nodiscard]] const float* mean() const noexcept { return floats(mean_at()); }
    [[nodiscard]] const float* codebook() const noexcept { return floats(code_model_at()); }
    /// Precondition: code() is int8.
    [[nodiscard]] const quantization::scalar_codec& codec() const noexcept { return *codec_; }
    /// Precondition: code() is rabitq.
    [[nodiscard]] const quantization::rotation& rotation() const noexcept { return *rotation_; }
    [[nodiscard]] sign_factors factors(std::size_t i) const noexcept {
        return load_le<sign_factors>(model_.data() + code_model_at() + sizeof(std::uint64_t) +
                                     i * sizeof(sign_factors));
    }
    /// Precondition: i < list_count().
    [[nodiscard]] list at(std::size_t i) const noexcept {
        return load_le<list>(model_.data() + table_at() + i * sizeof(list));
    }
    [[nodiscard]] const std::byte* blocks(const list& l) const noexcept {
        return codes_.data() + l.first_block * code_block_bytes();
    }
    [[nodiscard]] row_id id(std::size_t entry) const noexcept { return load_le<row_id>(ids_.data() + entry * 4); }
    void prefetch_id(std::size_t entry) const noexcept { __builtin_prefetch(ids_.data() + entry * 4); }
    [[nodiscard]] static std::size_t first_entry(const list& l) noexcept {
        return std::size_t{l.first_block} * quantization::block_rows;
    }
    /// Asks for the head of what a scan of `l` reads.
    void prefetch(const list& l) const noexcept;

private:
    static_assert(sizeof(list) == 16 && sizeof(sign_factors) == 16);
    [[nodiscard]] static error bad(std::string message, std::uint64_t offset) {
        return corruption("ivf " + std::move(message), {}, offset);
    }
    [[nodiscard]] result<void> read_header(byte_span header, row_id row_count);
    [[nodiscard]] result<void> check_sizes(std::uint64_t model, std::uint64_t codes, std::uint64_t ids) const;
    [[nodiscard]] result<void> check_model();
    [[nodiscard]] result<void> read_code_model();
    [[nodiscard]] result<void> read_rotation();
    [[nodiscard]] result<void> check_ids() const;

    [[nodiscard]] std::size_t half_norms_at() const noexcept {
        return panel_count() * quantization::panel_rows * dim_ * sizeof(float);
    }
    [[nodiscard]] std::size_t table_at() const noexcept {
        return half_norms_at() + panel_count() * quantization::panel_rows * sizeof(float);
    }
    [[nodiscard]] std::size_t mean_at() const noexcept { return table_at() + list_count_ * sizeof(list); }
    [[nodiscard]] std::size_t code_model_at() const noexcept { return mean_at() + dim_ * sizeof(float); }
    [[nodiscard]] std::size_t code_model_bytes() const noexcept;
    [[nodiscard]] const float* floats(std::size_t at) const noexcept {
        return reinterpret_cast<const float*>(model_.data() + at);
    }

    byte_span model_, codes_, ids_;
    row_id row_count_ = 0;
    std::size_t dim_ = 0;
    vecstore::metric metric_ = vecstore::metric::cosine;
    ivf_code code_ = ivf_code::pq4;
    std::size_t list_count_ = 0;
    std::uint32_t block_count_ = 0;
    std::uint64_t entry_count_ = 0;
    float code_error_ = 0;
    float term_step_max_ = 0;
    std::optional<quantization::scalar_codec> codec_;  ///< of int8
    std::optional<quantization::rotation> rotation_;   ///< of rabitq
};

}  // namespace vecstore::index
