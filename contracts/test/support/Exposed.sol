// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerkleTree, SumNode} from "../../src/libraries/MerkleTree.sol";
import {TypedData} from "../../src/libraries/TypedData.sol";
import {BatchHeader, Charge} from "../../src/types/Batch.sol";
import {Receipt} from "../../src/types/Receipt.sol";

/// @notice Makes the libraries callable: their arguments lie in calldata.
contract Exposed {
    function hashReceipt(Receipt calldata receipt) external pure returns (bytes32) {
        return TypedData.hashReceipt(receipt);
    }

    function hashHeader(BatchHeader calldata header) external pure returns (bytes32) {
        return TypedData.hashHeader(header);
    }

    function hashCharges(Charge[] calldata charges) external pure returns (bytes32) {
        return TypedData.hashCharges(charges);
    }

    function verify(bytes32 root, uint256 count, bytes32 leaf, uint256 index, bytes32[] calldata siblings)
        external
        pure
        returns (bool)
    {
        return MerkleTree.verify(root, count, bytes.concat(leaf), index, siblings);
    }

    function verifySum(
        SumNode calldata root,
        uint256 count,
        address account,
        uint256 cumulativeWei,
        uint256 index,
        SumNode[] calldata siblings
    ) external pure returns (bool) {
        return MerkleTree.verifySum(root, count, account, cumulativeWei, index, siblings);
    }
}
