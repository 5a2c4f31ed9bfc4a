// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice As the predeploy L2ToL1MessagePasser does it; `sentMessages` is at slot 0, where proofs look for it.
contract MessagePasser {
    event MessagePassed(
        uint256 indexed nonce,
        address indexed sender,
        address indexed target,
        uint256 value,
        uint256 gasLimit,
        bytes data,
        bytes32 withdrawalHash
    );

    error L2ToL1MessagePasserCGT_NotAllowedOnCGTMode();

    mapping(bytes32 => bool) public sentMessages;
    uint240 internal msgNonce;

    function messageNonce() public view returns (uint256) {
        return (uint256(1) << 240) | msgNonce;
    }

    function initiateWithdrawal(address target, uint256 gasLimit, bytes memory data) external payable {
        if (msg.value > 0 && L1Block(0x4200000000000000000000000000000000000015).isCustomGasToken()) {
            revert L2ToL1MessagePasserCGT_NotAllowedOnCGTMode();
        }
        uint256 nonce = messageNonce();
        bytes32 hash = keccak256(abi.encode(nonce, msg.sender, target, msg.value, gasLimit, data));
        sentMessages[hash] = true;
        emit MessagePassed(nonce, msg.sender, target, msg.value, gasLimit, data, hash);
        ++msgNonce;
    }
}

/// @notice Of the predeploy L1Block only what says whether the chain has a gas token of its own, in its first slot.
contract L1Block {
    bool public isCustomGasToken;
}
