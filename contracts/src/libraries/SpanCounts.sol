// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {Evidence} from "./Evidence.sol";
import {MerkleTree} from "./MerkleTree.sol";

/// @notice A leaf of the text or of the suffix array, with the hashes beside its way up.
struct Opening {
    bytes leaf;
    bytes32[] siblings;
}

/// @notice One place of the suffix array and the text at the suffix that stands there.
struct Place {
    uint256 place;
    Opening suffix;
    Opening text;
}

/// @notice What a span index commits: `worker/attribution/span-tree.ts`.
struct SpanIndex {
    uint64 symbols;
    uint64 contributions;
    bytes32 textRoot;
    bytes32 suffixRoot;
}

/// @notice What an answer cites: the suffixes that begin with the run are `occurrences`, from `place` on.
struct CitedSpan {
    uint32 place;
    uint32 occurrences;
    /// Big-endian words of 32 bits.
    bytes tokens;
}

/**
 * @notice Shows that a run of tokens does not occur where it is cited. Suffixes that begin with the run stand side by side
 * in the suffix array, so an answer names the first and their number, and a single place shows that it is wrong. Numbers
 * are big-endian words of 32 bits; a symbol is a token plus one.
 */
library SpanCounts {
    uint256 private constant TEXT_SYMBOLS = 128;
    uint256 private constant TEXT_OVERLAP = 32;
    uint256 private constant SUFFIX_ENTRIES = 64;
    uint256 private constant WORD = 4;

    error RunTooLong(uint256 tokens);

    /// @notice The root of a span index.
    function rootOf(SpanIndex calldata index) internal pure returns (bytes32) {
        bytes memory head = abi.encodePacked(
            "span index 1: ",
            Strings.toString(index.symbols),
            " symbols, ",
            Strings.toString(index.contributions),
            " contributions\n"
        );
        bytes32 left = keccak256(
            bytes.concat(MerkleTree.NODE, MerkleTree.hashLeaf(head), MerkleTree.hashLeaf(bytes.concat(index.textRoot)))
        );
        return keccak256(bytes.concat(MerkleTree.NODE, left, MerkleTree.hashLeaf(bytes.concat(index.suffixRoot))));
    }

    /**
     * @notice True where a place contradicts what is cited: its suffix begins with the run and it is not among the places
     * named, or the other way round. It need not be opened where the array has not so many places.
     */
    function contradicts(SpanIndex calldata index, CitedSpan calldata cited, Place calldata shown)
        internal
        pure
        returns (bool)
    {
        uint256 end = uint256(cited.place) + cited.occurrences;
        if (end > index.symbols) return true;
        bool isNamed = shown.place >= cited.place && shown.place < end;
        return isNamed != _isThere(index, cited.tokens, shown);
    }

    /// @dev True where the suffix at a place begins with the run.
    function _isThere(SpanIndex calldata index, bytes calldata tokens, Place calldata shown) private pure returns (bool) {
        _requireAt(index.suffixRoot, index.symbols, SUFFIX_ENTRIES, shown.place, shown.suffix, "suffixes");
        uint256 start = _word(shown.suffix.leaf, shown.place % SUFFIX_ENTRIES);
        _requireAt(index.textRoot, index.symbols, TEXT_SYMBOLS, start, shown.text, "text");
        return _beginsWith(shown.text.leaf, 1 + start % TEXT_SYMBOLS, tokens);
    }

    /// @dev Leaves are of equal length but for the last, so the number of a leaf is its place in the tree.
    function _requireAt(
        bytes32 root,
        uint256 count,
        uint256 step,
        uint256 number,
        Opening calldata opening,
        string memory what
    ) private pure {
        uint256 leaves = (count + step - 1) / step;
        if (!MerkleTree.verify(root, leaves, opening.leaf, number / step, opening.siblings)) {
            revert Evidence.NotCommitted(what);
        }
    }

    /// @dev A leaf shorter than others ends where the text does. Where another ends, the run may go on behind it.
    function _beginsWith(bytes calldata leaf, uint256 from, bytes calldata tokens) private pure returns (bool) {
        uint256 held = leaf.length / WORD;
        for (uint256 i = 0; i < tokens.length / WORD; i++) {
            if (from + i >= held) {
                if (held > TEXT_SYMBOLS + TEXT_OVERLAP) revert RunTooLong(tokens.length / WORD);
                return false;
            }
            if (_word(leaf, from + i) != uint256(_word(tokens, i)) + 1) return false;
        }
        return true;
    }

    function _word(bytes calldata words, uint256 number) private pure returns (uint256) {
        return uint32(bytes4(words[number * WORD:number * WORD + WORD]));
    }
}
