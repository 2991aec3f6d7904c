/// A file system whose files are encrypted: block files (parts, graphs, lists, dumps of tables) are written through it
/// and read back without knowing. Names, sizes and all operations but `open` and `map` are those of the file system
/// inside, so that sealed files are linked, copied and summed as they lie there.
///
/// A sealed file, little-endian:
///   0        64     header: magic "VSSEALED", u32 version (1), u32 bytes of a block (4096), file id (16 random bytes),
///                   24 bytes of zero, XXH3-64 of bytes 0..55
///   64       4112 * each block but the last: ciphertext of 4096 bytes, tag (16)
///   ...      n + 16 the last block, n from 1 to 4096
/// Key of a file: HKDF(data key, salt = file id, "vecstore file"). Nonce: number of the block. Bound to each block: its
/// number, and whether it is the last; so blocks that were changed, swapped, taken from another file or cut off are
/// corruption when they are read.
/// No nonce serves twice: a file has one writer, which makes a new id, writes each block once, in order, and is of no
/// more use after an error.
/// Blocks are 4 KiB, not the 64 KiB of block_file: a row that stays on disk (vector_options::on_disk) is then read by
/// decrypting a page. A whole block file that was replaced by an older one is found by its root in the manifest.
/// Thread safety: as the file system inside.
#pragma once

#include <vecstore/storage/file_system.hpp>
#include <vecstore/storage/keyring.hpp>

#include <memory>

namespace vecstore::storage {

inline constexpr std::size_t sealed_header_bytes = 64;
inline constexpr std::size_t sealed_block_bytes = 4096;

/// `inner` with encrypted contents:
/// `open` takes `read` (any offset; corruption when a block is not what was written) and `create` (for block_file_writer:
///   truncate(0), then contiguous writes, then `sync`, which ends the file); other modes and operations are `unsupported`.
/// `map` gives memory of its own, on huge pages, into which blocks are decrypted when they are first fetched.
/// `file_size` is that of the sealed file; `file::size` that of what is in it.
[[nodiscard]] std::shared_ptr<file_system> seal_files(std::shared_ptr<file_system> inner,
                                                      std::shared_ptr<const keyring> keys);

}  // namespace vecstore::storage
